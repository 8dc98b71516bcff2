#include "flushing_engine.hpp"

#include <nlohmann/json.hpp>

#include "base/crc32c.hpp"

namespace tidemill::simulation {
namespace {

using Rows = std::map<std::string, std::string, std::less<>>;

class RowsIterator final : public BytesIterator {
 public:
  RowsIterator(std::vector<std::pair<std::string, std::string>> rows) : rows_(std::move(rows)) {}
  bool valid() const override { return at_ < rows_.size(); }
  BytesView key() const override { return rows_[at_].first; }
  BytesView value() const override { return rows_[at_].second; }
  void next() override { ++at_; }
  Result<void> status() const override { return {}; }

 private:
  std::vector<std::pair<std::string, std::string>> rows_;
  std::size_t at_ = 0;
};

std::string hex(BytesView bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += "0123456789abcdef"[static_cast<unsigned char>(byte) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}
Bytes unhex(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes += static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1]));
  }
  return bytes;
}

class FlushingStore final : public BytesStore {
 public:
  FlushingStore(Storage& storage, Random& random, FlushingEngineOptions options, std::string directory, std::string name,
                std::shared_ptr<DirectoryLock> lock)
      : storage_(storage),
        random_(random),
        options_(options),
        directory_(std::move(directory)),
        name_(std::move(name)),
        lock_(std::move(lock)) {}

  const std::string& name() const override { return name_; }
  Result<bool> get(BytesView key, Bytes& value) override {
    if (const auto found = uncommitted_.find(key); found != uncommitted_.end()) {
      if (!found->second) return false;
      value = *found->second;
      return true;
    }
    const auto found = rows_.find(key);
    if (found == rows_.end()) return false;
    value = found->second;
    return true;
  }
  Result<void> put(BytesView key, OptionalBytesView value) override {
    uncommitted_bytes_ += key.size() + (value ? value->size() : 0);
    if (options_.unsafe_commit_before_journal) {
      set(rows_, key, value);
    } else {
      uncommitted_.insert_or_assign(std::string(key), to_owned(value));
    }
    return {};
  }
  Result<std::unique_ptr<BytesIterator>> range(const BytesRange& range) override {
    Rows all = rows_;
    for (const auto& [key, value] : uncommitted_) set(all, key, to_view(value));
    std::vector<std::pair<std::string, std::string>> rows;
    for (auto& [key, value] : all) {
      if ((!range.from || key >= *range.from) && (!range.to || key <= *range.to)) rows.emplace_back(key, value);
    }
    if (range.direction == Direction::kReverse) rows = {rows.rbegin(), rows.rend()};
    return std::unique_ptr<BytesIterator>(new RowsIterator(std::move(rows)));
  }
  std::uint64_t approximate_num_entries() const override { return rows_.size(); }
  std::size_t uncommitted_bytes() const override { return uncommitted_bytes_; }

  Result<void> commit(const ChangelogPosition& changelog, const Position& position) override {
    for (const auto& [key, value] : uncommitted_) set(rows_, key, to_view(value));
    abort();
    changelog_ = changelog;
    position_ = position;
    if (random_.below(options_.flush_one_in) == 0) return flush();
    return {};
  }
  void abort() override {
    uncommitted_.clear();
    uncommitted_bytes_ = 0;
  }
  Result<void> flush() override {
    const std::string path = directory_ + "/" + name_;
    const std::string body = encode();
    {
      TIDEMILL_ASSIGN(const std::unique_ptr<File> file, storage_.open(path + ".new", OpenMode::kTruncate));
      TIDEMILL_TRY(file->append(hex(checksum(body)) + body));
      TIDEMILL_TRY(file->sync());
    }
    TIDEMILL_TRY(storage_.rename(path + ".new", path));
    TIDEMILL_TRY(storage_.sync_directory(directory_));
    durable_ = changelog_;
    return {};
  }
  std::optional<ChangelogPosition> durable_position() const override { return durable_; }
  const Position& position() const override { return position_; }
  Result<void> restore(std::span<const std::pair<BytesView, OptionalBytesView>> batch,
                       const ChangelogPosition& changelog) override {
    for (const auto& [key, value] : batch) set(rows_, key, value);
    changelog_ = changelog;
    if (random_.below(options_.flush_one_in) == 0) return flush();  // as RocksDB does when a memtable is full
    return {};
  }
  Result<void> clear() override {
    rows_.clear();
    abort();
    durable_.reset();
    changelog_ = {};
    position_ = {};
    const std::string path = directory_ + "/" + name_;
    TIDEMILL_ASSIGN(const bool there, storage_.exists(path));
    if (there) {
      TIDEMILL_TRY(storage_.remove(path));
      TIDEMILL_TRY(storage_.sync_directory(directory_));
    }
    return {};
  }
  Result<std::unique_ptr<BytesSnapshot>> snapshot() override {
    return Error{ErrorKind::kUnsupported, "the simulation's stores have no snapshots"};
  }

  Result<void> load() {
    auto file = storage_.open(directory_ + "/" + name_, OpenMode::kRead);
    if (!file) return file.error().kind == ErrorKind::kNotFound ? Result<void>() : file.error();
    TIDEMILL_ASSIGN(const std::uint64_t size, (*file)->size());
    Bytes bytes;
    TIDEMILL_TRY((*file)->read_at(0, size, bytes));
    if (bytes.size() < 8 || bytes.substr(0, 8) != hex(checksum(bytes.substr(8)))) return {};
    const nlohmann::json json = nlohmann::json::parse(bytes.substr(8));
    changelog_ = {Offset(json.at("offset").get<std::int64_t>()), LeaderEpoch(json.at("epoch").get<std::int32_t>())};
    for (const auto& row : json.at("rows")) rows_[unhex(row.at(0).get<std::string>())] = unhex(row.at(1).get<std::string>());
    for (const auto& entry : json.at("position")) {
      position_[entry.at(0).get<std::string>()][entry.at(1).get<std::int32_t>()] = entry.at(2).get<std::int64_t>();
    }
    durable_ = changelog_;
    return {};
  }

 private:
  static void set(Rows& rows, BytesView key, OptionalBytesView value) {
    if (value) {
      rows.insert_or_assign(std::string(key), std::string(*value));
    } else if (const auto found = rows.find(key); found != rows.end()) {
      rows.erase(found);
    }
  }
  static Bytes checksum(BytesView body) {
    const std::uint32_t sum = crc32c(body);
    return {static_cast<char>(sum >> 24), static_cast<char>(sum >> 16), static_cast<char>(sum >> 8), static_cast<char>(sum)};
  }
  std::string encode() const {
    nlohmann::json json{{"offset", changelog_.offset.value}, {"epoch", changelog_.epoch.value}};
    json["rows"] = nlohmann::json::array();
    for (const auto& [key, value] : rows_) json["rows"].push_back({hex(key), hex(value)});
    json["position"] = nlohmann::json::array();
    for (const auto& [topic, partitions] : position_) {
      for (const auto& [partition, offset] : partitions) json["position"].push_back({topic, partition, offset});
    }
    return json.dump();
  }

  Storage& storage_;
  Random& random_;
  FlushingEngineOptions options_;
  std::string directory_;
  std::string name_;
  std::shared_ptr<DirectoryLock> lock_;
  Rows rows_;
  std::map<std::string, OptionalBytes, std::less<>> uncommitted_;
  std::size_t uncommitted_bytes_ = 0;
  ChangelogPosition changelog_;
  Position position_;
  std::optional<ChangelogPosition> durable_;
};

}  // namespace

FlushingEngine::FlushingEngine(Storage& storage, std::uint64_t seed, FlushingEngineOptions options)
    : storage_(storage), random_(seed), options_(options) {}

Result<std::vector<std::unique_ptr<BytesStore>>> FlushingEngine::open(const std::string& task_directory,
                                                                      std::span<const StoreSpec> specs) {
  TIDEMILL_TRY(storage_.create_directories(task_directory));
  for (std::size_t slash = task_directory.rfind('/');; slash = task_directory.rfind('/', slash - 1)) {
    TIDEMILL_TRY(storage_.sync_directory(slash == std::string::npos ? "" : task_directory.substr(0, slash)));
    if (slash == std::string::npos) break;
  }
  TIDEMILL_ASSIGN(std::shared_ptr<DirectoryLock> lock, storage_.lock(task_directory + "/lock"));
  std::vector<std::unique_ptr<BytesStore>> stores;
  for (const StoreSpec& spec : specs) {
    auto store = std::make_unique<FlushingStore>(storage_, random_, options_, task_directory, spec.name, lock);
    TIDEMILL_TRY(store->load());
    stores.push_back(std::move(store));
  }
  return stores;
}

}  // namespace tidemill::simulation
