// OwnerSession: one connection to the process that owns a directory: its requests, in order, and their answers.
//
// Used by the OwnerServer's thread alone; never waits. A Read that finds nothing is kept until something comes (the event is
// raised), its time is over, or another request follows. What is not read yet by the other side holds back the next request,
// so a session's memory is one request and one answer.
#pragma once

#include "log_embedded/embedded_consumer.hpp"
#include "log_embedded/owner_protocol.hpp"
#include "log_embedded/unix_socket.hpp"

namespace tidemill::embedded {

class OwnerSession {
 public:
  /// `log` and `engine` are the same one.
  OwnerSession(Log& log, std::shared_ptr<Engine> engine, Descriptor socket, Descriptor event)
      : log_(log), engine_(std::move(engine)), socket_(std::move(socket)), event_(std::move(event)) {}

  [[nodiscard]] int socket() const { return socket_.number(); }
  /// What poll(2) is to look for at the socket.
  [[nodiscard]] short interest() const;
  /// Raised when a kept read may have something.
  [[nodiscard]] int event() const { return event_.number(); }
  /// When the kept read is to be answered at the latest; nullopt: none is kept.
  [[nodiscard]] std::optional<MonotonicTime> deadline() const;
  /// Another whole request has come already.
  [[nodiscard]] bool busy() const;

  /// One turn: takes what has come, handles at most one request, sends what goes. False: the session is over.
  [[nodiscard]] bool turn();

 private:
  [[nodiscard]] bool exchange();
  void handle(BytesView request);
  void try_to_answer_read(bool at_last);
  void answer(Bytes body) { out_ += frame(body); }

  Result<HelloAnswer> serve(const Hello& request);
  Result<std::vector<TopicDescription>> serve(const ListTopics& request);
  Result<TopicDescription> serve(const DescribeTopic& request);
  Result<Done> serve(const CreateTopic& request);
  Result<Done> serve(const DeleteTopic& request);
  Result<Done> serve(const AlterTopic& request);
  Result<std::vector<PartitionOffsets>> serve(const AskOffsets& request);
  Result<Offset> serve(const AskOffsetForTime& request);
  Result<Done> serve(const DeleteRecords& request);
  Result<std::vector<std::string>> serve(const ListGroups& request);
  Result<GroupDescription> serve(const DescribeGroup& request);
  Result<Done> serve(const Produce& request);
  Result<std::vector<WrittenPosition>> serve(const Flush& request);
  void assign(const Read& request);

  struct KeptRead {
    Read request;
    MonotonicTime deadline;
  };
  Log& log_;
  std::shared_ptr<Engine> engine_;
  Descriptor socket_;
  Descriptor event_;
  Bytes in_;
  Bytes out_;
  std::optional<KeptRead> read_;
  bool over_ = false;

  std::unique_ptr<EmbeddedConsumer> consumer_;
  Isolation isolation_ = Isolation::kReadCommitted;
  std::map<TopicPartition, Error> unassignable_;
  std::set<TopicPartition> assigned_;

  std::unique_ptr<CommitGroup> group_;  // made with the first record
  std::unique_ptr<LogProducer> producer_;
};

}  // namespace tidemill::embedded
