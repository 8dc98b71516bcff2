// The owner's socket itself: where it lies, whose it is, what it makes of strangers. What is asked over it is
// the conformance suite's part (conformance_embedded_owner_socket).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <tidemill/adapters/embedded_log.hpp>

#include "base/endian.hpp"
#include "log_embedded/owner_channel.hpp"
#include "log_embedded/owner_server.hpp"
#include "log_embedded/socket_consumer.hpp"

namespace tidemill::embedded {
namespace {

using testing::HasSubstr;

MonotonicTime soon() { return system_clock().now().monotonic + std::chrono::seconds(30); }

/// What is done to the lock file of a directory.
class LockFileEvents {
 public:
  explicit LockFileEvents(const std::string& directory) : events_(::inotify_init1(IN_CLOEXEC)) {
    EXPECT_GE(::inotify_add_watch(events_.number(), (directory + "/lock").c_str(), IN_OPEN | IN_CLOSE), 0);
  }
  /// Until the file has been read so often: by a lock that is refused, and by who asks then whose it is. (Opened in between,
  /// so that no two closings are one event.)
  void await_reads(int times) const {
    while (times > 0) {
      inotify_event event{};
      ASSERT_EQ(::read(events_.number(), &event, sizeof event), static_cast<ssize_t>(sizeof event));
      if ((event.mask & IN_CLOSE_NOWRITE) != 0) --times;
    }
  }

 private:
  Descriptor events_;
};

class OwnerSocket : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/tidemill-owner-XXXXXX";
    root_ = directory_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override {
    owner_.reset();
    real_storage(root_)->remove_all("").value();
  }
  void own() {
    owner_ = open_embedded_log(directory_).value();
    if (!owner_->admin().describe_topic("t", soon())) {
      owner_->admin().create_topic({.name = "t", .partitions = 1, .config = {}}, soon()).value();
    }
  }
  Result<std::shared_ptr<Log>> reach(std::chrono::milliseconds patience = std::chrono::seconds(30)) {
    return reach_embedded_log(directory_, {.read_only = true}, patience);
  }
  /// Sends raw bytes as a stranger would and returns what comes back until the owner hangs up or `enough`
  /// bytes are there.
  std::string exchange(BytesView bytes, std::size_t enough) {
    const Descriptor socket = connect_to(directory_, kOwnerSocketName).value();
    EXPECT_EQ(send_some(socket.number(), bytes).value(), bytes.size());
    Bytes received;
    while (received.size() < enough) {
      pollfd wanted{socket.number(), POLLIN, 0};
      if (::poll(&wanted, 1, 30'000) <= 0) break;
      if (!receive_some(socket.number(), received, enough)) break;
    }
    return received;
  }
  /// A consumer of an owner that has answered its first read already, in the same bytes as the greeting.
  std::unique_ptr<SocketConsumer> consumer_that_was_told(PartitionRead read) {
    listener_ = listen_at(directory_, kOwnerSocketName).value();
    std::thread owner([&] {
      pollfd wanted{listener_.number(), POLLIN, 0};
      EXPECT_EQ(::poll(&wanted, 1, 30'000), 1);
      connection_ = Descriptor(::accept(listener_.number(), nullptr, nullptr));
      const Bytes both =
          frame(encode_answer<Hello>(HelloAnswer{})) + frame(encode_answer<Read>(std::vector<PartitionRead>{std::move(read)}));
      EXPECT_EQ(send_some(connection_.number(), both).value(), both.size());
    });
    auto channel = OwnerChannel::open(directory_, soon());
    owner.join();
    return std::unique_ptr<SocketConsumer>(
        new SocketConsumer(*std::move(channel), make_event().value(), Isolation::kReadCommitted));
  }
  std::string root_;
  std::string directory_;
  std::shared_ptr<Log> owner_;
  Descriptor listener_;
  Descriptor connection_;
};

TEST_F(OwnerSocket, IsTheOwnersUsersAloneAndGoesWithTheOwner) {
  own();
  struct stat status {};
  ASSERT_EQ(::stat((directory_ + "/socket").c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  owner_.reset();
  EXPECT_NE(::stat((directory_ + "/socket").c_str(), &status), 0);
}

TEST_F(OwnerSocket, WorksWhereThePathIsLongerThanAnAddress) {
  directory_ = root_ + "/" + std::string(200, 'd') + "/" + std::string(200, 'e');
  own();
  EXPECT_EQ(reach().value()->admin().list_topics(soon()).value().size(), 1U);
}

TEST_F(OwnerSocket, OfADeadOwnerIsReplaced) {
  Descriptor dead = listen_at(directory_, kOwnerSocketName).value();
  dead = Descriptor();  // the name stays behind
  own();
  EXPECT_EQ(reach().value()->admin().list_topics(soon()).value().size(), 1U);
}

TEST_F(OwnerSocket, OfADeadOwnerDoesNotKeepAToolFromTakingTheLock) {
  own();
  owner_.reset();
  Descriptor dead = listen_at(directory_, kOwnerSocketName).value();
  dead = Descriptor();
  const auto log = reach().value();
  EXPECT_EQ(log->admin().list_topics(soon()).value().size(), 1U);
  EXPECT_THAT(log->traits().description, testing::Not(HasSubstr("process")));
}

TEST_F(OwnerSocket, IsWaitedForWhileTheOwnerStarts) {
  const auto lock = real_storage(directory_)->lock("lock").value();
  Result<std::shared_ptr<Log>> reached = Error{};
  std::thread tool([&] { reached = reach(); });
  const auto log = in_memory_log();
  const auto storage = memory_storage();
  auto engine = Engine::open(nullptr, *storage, system_clock(), system_random(), {.background_thread = false}, "a log").value();
  const auto server = OwnerServer::start(*log, std::move(engine), directory_).value();
  tool.join();
  EXPECT_THAT(reached.value()->traits().description, HasSubstr("process " + std::to_string(::getpid())));
}

/// Another process that has the lock, and no socket; for a write to `let_go` it closes it and lives on.
class Holder {
 public:
  explicit Holder(const std::string& directory) {
    int ready[2];
    int let_go[2];
    if (::pipe(ready) != 0 || ::pipe(let_go) != 0) throw std::runtime_error("pipe");
    child_ = ::fork();
    if (child_ == 0) {
      auto lock = real_storage(directory)->lock("lock");
      (void)!::write(ready[1], "x", 1);
      char byte = 0;
      (void)!::read(let_go[0], &byte, 1);
      lock = Error{};
      (void)!::write(ready[1], "x", 1);
      ::pause();
      ::_exit(0);
    }
    ::close(ready[1]);
    ::close(let_go[0]);
    ready_ = ready[0];
    let_go_ = let_go[1];
    hear();
  }
  ~Holder() { kill(); }
  void let_go() {
    (void)!::write(let_go_, "x", 1);
    hear();
  }
  void kill() {
    if (child_ <= 0) return;
    ::close(ready_);
    ::close(let_go_);
    ::kill(child_, SIGKILL);
    int status = 0;
    EXPECT_EQ(::waitpid(std::exchange(child_, 0), &status, 0) > 0, true);
  }

 private:
  void hear() {
    char byte = 0;
    EXPECT_EQ(::read(ready_, &byte, 1), 1);
  }
  pid_t child_ = 0;
  int ready_ = -1;
  int let_go_ = -1;
};

// At once, and when whoever looks has found the directory locked: the death comes before, between and behind its looks.
TEST_F(OwnerSocket, IsWaitedForUntilTheOwnerIsDead) {
  own();
  owner_.reset();
  for (const int reads : {0, 1, 2, 0, 1, 2}) {
    Holder holder(directory_);
    const LockFileEvents events(directory_);
    Result<std::shared_ptr<Log>> reached = Error{};
    std::thread tool([&] { reached = reach(); });
    events.await_reads(reads);
    holder.kill();
    tool.join();
    EXPECT_EQ(reached.value()->admin().list_topics(soon()).value().size(), 1U);
  }
}

TEST_F(OwnerSocket, IsWaitedForUntilTheOwnerGivesTheDirectoryBack) {
  own();
  owner_.reset();
  Holder holder(directory_);
  const LockFileEvents events(directory_);
  Result<std::shared_ptr<Log>> reached = Error{};
  std::thread tool([&] { reached = reach(); });
  events.await_reads(2);  // it was found locked, and whose it is was looked up
  holder.let_go();
  tool.join();
  EXPECT_EQ(reached.value()->admin().list_topics(soon()).value().size(), 1U);
}

TEST_F(OwnerSocket, AnApplicationWaitsForWhoeverHasTheDirectoryBeforeIt) {
  own();
  owner_.reset();
  const std::chrono::hours forever{1};
  for (const bool dies : {false, true}) {
    Holder holder(directory_);
    std::thread application([&] { owner_ = open_embedded_log(directory_, {.lock_wait = forever}).value(); });
    dies ? holder.kill() : holder.let_go();
    application.join();
    EXPECT_EQ(owner_->admin().list_topics(soon()).value().size(), 1U);
    owner_.reset();
  }
}

TEST_F(OwnerSocket, AnApplicationDoesNotWaitForLongNorForItself) {
  own();
  EXPECT_EQ(open_embedded_log(directory_, {.lock_wait = std::chrono::hours(1)}).error().kind, ErrorKind::kLocked);
  owner_.reset();
  const Holder holder(directory_);
  const auto refused = open_embedded_log(directory_, {.lock_wait = std::chrono::milliseconds(1)});
  EXPECT_EQ(refused.error().kind, ErrorKind::kLocked);
  // A main() of one expression hears it where the log is told to work.
  const auto log = embedded_log(directory_, {.lock_wait = {}});
  EXPECT_EQ(log->admin().list_topics(soon()).error().message, refused.error().message);
  EXPECT_EQ(log->consumer(Isolation::kReadCommitted).error().kind, ErrorKind::kLocked);
}

TEST_F(OwnerSocket, IsAwaitedWithoutTouchingTheLock) {
  own();
  owner_.reset();
  EXPECT_EQ(await_embedded_log(directory_, std::chrono::milliseconds(1)).error().kind, ErrorKind::kTimeout);
  Result<std::shared_ptr<Log>> reached = Error{};
  std::thread tool([&] { reached = await_embedded_log(directory_, std::chrono::hours(1)); });
  own();
  tool.join();
  EXPECT_EQ(reached.value()->admin().list_topics(soon()).value().size(), 1U);
}

TEST_F(OwnerSocket, OfAnOwnerThatDoesNotAnswerIsGivenUpWithASentence) {
  own();
  owner_.reset();
  const auto lock = real_storage(directory_)->lock("lock").value();
  const auto without_socket = reach(std::chrono::milliseconds(20));
  EXPECT_EQ(without_socket.error().kind, ErrorKind::kLocked);
  EXPECT_THAT(without_socket.error().message, HasSubstr("process " + std::to_string(::getpid()) + " owns " + directory_));
  const auto listener = listen_at(directory_, kOwnerSocketName).value();
  const auto silent = reach(std::chrono::milliseconds(20));
  EXPECT_EQ(silent.error().kind, ErrorKind::kTimeout);
  EXPECT_THAT(silent.error().message, HasSubstr("does not answer"));
}

TEST_F(OwnerSocket, AnswersNonsenseWithASentence) {
  own();
  const std::string answer = exchange(frame("\x63junk"), kOwnerFrameHeadBytes + 2);
  const auto decoded = decode_answer<Hello>(BytesView(answer).substr(kOwnerFrameHeadBytes));
  EXPECT_THAT(decoded.error().message, HasSubstr("there is no request 99"));
  EXPECT_TRUE(reach().has_value());
}

TEST_F(OwnerSocket, HangsUpOnAMessageThatIsTooLarge) {
  own();
  const std::string answer = exchange(std::string("\xff\xff\xff\xff", 4), 1'000'000);
  const auto decoded = decode_answer<Hello>(BytesView(answer).substr(kOwnerFrameHeadBytes));
  EXPECT_EQ(decoded.error().kind, ErrorKind::kTooLarge);
}

TEST_F(OwnerSocket, RefusesAnotherVersion) {
  own();
  auto channel = OwnerChannel::open(directory_, soon()).value();
  const auto answer = channel->call(Hello{.version = 99}, soon());
  EXPECT_EQ(answer.error().kind, ErrorKind::kUnsupported);
  EXPECT_TRUE(channel->call(Hello{}, soon()).has_value());
}

TEST_F(OwnerSocket, ServesABoundedNumberAndSaysSo) {
  own();
  std::vector<std::unique_ptr<OwnerChannel>> channels;
  for (std::size_t i = 0; i < OwnerServer::kSessionsMax; ++i)
    channels.push_back(OwnerChannel::open(directory_, soon()).value());
  const auto refused = OwnerChannel::open(directory_, soon());
  EXPECT_EQ(refused.error().kind, ErrorKind::kFull);
  channels.pop_back();
  // The owner learns of the end and of the new connection in any order.
  Result<std::unique_ptr<OwnerChannel>> taken = Error{ErrorKind::kFull, ""};
  for (const MonotonicTime end = soon(); !taken && system_clock().now().monotonic < end;) {
    taken = OwnerChannel::open(directory_, soon());
  }
  EXPECT_TRUE(taken.has_value());
}

TEST_F(OwnerSocket, OfAnOwnerThatEndsIsAnErrorOfWhoAsks) {
  own();
  const auto log = reach().value();
  const auto consumer = log->consumer(Isolation::kReadCommitted).value();
  const std::pair<TopicPartition, Offset> from{{"t", PartitionId(0)}, Offset(0)};
  consumer->assign(std::span(&from, 1)).value();
  EXPECT_TRUE(consumer->poll(1000).has_value());
  std::thread ends([&] { owner_.reset(); });
  EXPECT_TRUE(consumer->wait(soon()));
  ends.join();
  const auto polled = consumer->poll(1000);
  EXPECT_EQ(polled.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(polled.error().message, HasSubstr("process " + std::to_string(::getpid())));
  EXPECT_EQ(log->admin().list_topics(soon()).error().kind, ErrorKind::kUnavailable);
}

// Nothing more will come to wake who waits for it.
TEST_F(OwnerSocket, AnAnswerThatHasComeAlreadyIsNotWaitedFor) {
  const auto consumer = consumer_that_was_told({Offset(7), true, Offset(7), {}, std::nullopt});
  const std::pair<TopicPartition, Offset> from{{"t", PartitionId(0)}, Offset(0)};
  consumer->assign(std::span(&from, 1)).value();
  EXPECT_TRUE(consumer->wait(soon()));
  (void)consumer->poll(1000).value();
  EXPECT_EQ(consumer->position(from.first).value(), Offset(7));
}

// Of two batches the second one was damaged on the way.
TEST_F(OwnerSocket, ABatchThatCannotBeReadIsNotSkipped) {
  const auto batch = [](Offset offset) {
    BatchBuilder builder;
    builder.add(Timestamp(1), BytesView("k"), BytesView("v"), {});
    Bytes bytes = builder.seal({});
    store_big_endian(bytes.data(), offset.value);  // a batch begins with its offset
    return bytes;
  };
  Bytes damaged = batch(Offset(1));
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  const auto consumer = consumer_that_was_told({Offset(2), true, Offset(2), {batch(Offset(0)), damaged}, std::nullopt});
  const std::pair<TopicPartition, Offset> from{{"t", PartitionId(0)}, Offset(0)};
  consumer->assign(std::span(&from, 1)).value();
  EXPECT_TRUE(consumer->wait(soon()));
  const PollResult polled = consumer->poll(1000).value();
  EXPECT_EQ(polled.batches.size(), 1U) << "what lies before it";
  ASSERT_EQ(polled.errors.size(), 1U);
  EXPECT_EQ(polled.errors[0].partition, from.first);
  EXPECT_EQ(polled.errors[0].error.kind, ErrorKind::kCorruption);
  EXPECT_EQ(consumer->position(from.first).value(), Offset(1));
  EXPECT_FALSE(consumer->caught_up(from.first));
}

TEST_F(OwnerSocket, CannotDoWhatNeedsTheOwnersMemory) {
  own();
  const auto log = reach().value();
  EXPECT_EQ(log->membership("app").error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(log->commit_group({.name = "tx", .application_id = {}}, soon()).error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace tidemill::embedded
