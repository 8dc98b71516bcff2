// KeyWalk: a walk over ordered keys while they change. It meets the keys of its beginning, each once, and none that came
// later, so that who puts while walking comes to an end. Of a key that is taken out it finds out when it gets there; one that
// came back meanwhile it meets as it is then.
//
// Nothing is copied when a walk begins, and no key carries a number. Instead the owner of the keys tells the walks under way of
// each key that comes or goes, and a walk keeps what that key was before, when it has not got there yet: memory is needed for
// what changes in front of a walk, and gone with it. One thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <string>
#include <vector>

#include <tidemill/state/bytes_store.hpp>

#include "state/bytes_hash.hpp"

namespace tidemill {

/// What a key is where it is walked; kDeleted: there, to hide what lies below.
enum class KeyState : std::uint8_t { kAbsent, kDeleted, kThere };

class KeyWalks;

/// What a walk must know to be told of changes, whatever it walks over.
class ChangingWalk {
 public:
  ChangingWalk(KeyWalks& all, const BytesRange& range);
  ~ChangingWalk();
  ChangingWalk(const ChangingWalk&) = delete;
  ChangingWalk& operator=(const ChangingWalk&) = delete;
  [[nodiscard]] bool valid() const { return valid_; }
  [[nodiscard]] const std::string& key() const { return key_; }

 protected:
  [[nodiscard]] bool within(BytesView key) const { return (!from_ || key >= *from_) && (!to_ || key <= *to_); }
  /// Goes to the key if it was there; whether it did.
  bool meet(BytesView key) {
    if (!began_with(key)) return false;
    key_.assign(key);
    valid_ = true;
    return true;
  }
  [[nodiscard]] const KeyState* changed(BytesView key) const {
    if (before_.empty()) return nullptr;
    const auto found = before_.find(key);
    return found == before_.end() ? nullptr : &found->second;
  }

  KeyWalks* all_;  // null: the keys are gone
  bool forward_;
  OptionalBytes from_;
  OptionalBytes to_;
  bool valid_ = false;
  std::string key_;

 private:
  friend class KeyWalks;
  [[nodiscard]] bool began_with(BytesView key) const {
    const KeyState* const before = changed(key);
    return before == nullptr || *before != KeyState::kAbsent;
  }
  void remember(BytesView key, KeyState before) {
    const bool ahead = valid_ && (forward_ ? key > key_ : key < key_) && within(key);
    if (ahead) before_.try_emplace(std::string(key), before);
  }
  absl::flat_hash_map<std::string, KeyState, BytesHash, BytesEqual> before_;  // their first change since the beginning
};

/// The walks under way over the keys of one owner.
class KeyWalks {
 public:
  KeyWalks() = default;
  KeyWalks(const KeyWalks&) = delete;
  KeyWalks& operator=(const KeyWalks&) = delete;
  ~KeyWalks() {
    for (ChangingWalk* walk : walks_) walk->all_ = nullptr;
  }
  /// To be called before or after a key becomes something else than `before`.
  void changed(BytesView key, KeyState before) {
    for (ChangingWalk* walk : walks_) walk->remember(key, before);
  }

 private:
  friend class ChangingWalk;
  std::vector<ChangingWalk*> walks_;
};

inline ChangingWalk::ChangingWalk(KeyWalks& all, const BytesRange& range)
    : all_(&all), forward_(range.direction == Direction::kForward), from_(to_owned(range.from)), to_(to_owned(range.to)) {
  all.walks_.push_back(this);
}
inline ChangingWalk::~ChangingWalk() {
  if (all_ == nullptr) return;
  auto& walks = all_->walks_;
  walks.erase(std::find(walks.rbegin(), walks.rend(), this).base() - 1);  // most often the last
}

/// `Order`: a btree_set of keys. Asks it for the next key each time, so that it may change in between.
template <class Order>
class KeyWalk final : public ChangingWalk {
 public:
  KeyWalk(KeyWalks& all, const Order& order, const BytesRange& range) : ChangingWalk(all, range), order_(order) {
    if (forward_) {
      forth(from_ ? order_.lower_bound(BytesView(*from_)) : order_.begin());
    } else {
      back(to_ ? order_.upper_bound(BytesView(*to_)) : order_.end());
    }
  }
  void next() {
    valid_ = false;
    if (all_ == nullptr) return;
    if (forward_) {
      forth(order_.upper_bound(BytesView(key_)));
    } else {
      back(order_.lower_bound(BytesView(key_)));
    }
  }
  /// The key met hid what lies below when the walk began.
  [[nodiscard]] bool was_deleted() const {
    const KeyState* const before = changed(key_);
    return before != nullptr && *before == KeyState::kDeleted;
  }

 private:
  using At = typename Order::const_iterator;
  void forth(At at) {
    while (at != order_.end() && within(*at) && !meet(*at)) ++at;
  }
  void back(At behind) {
    while (behind != order_.begin() && within(*--behind) && !meet(*behind)) continue;
  }
  const Order& order_;
};

}  // namespace tidemill
