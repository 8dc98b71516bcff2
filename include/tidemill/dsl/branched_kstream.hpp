// BranchedKStream<K, V>: what split() gives. The first branch whose predicate says yes gets the record; what no branch takes
// goes to default_branch(), or nowhere.
//
//   auto streams = payments.split({"size-"})
//                      .branch([](const Payment& p) { return p.amount > 1000; }, {.name = "large"})
//                      .default_branch({.name = "small"});
//   streams.at("size-large").to("large-payments");
#pragma once

#include <tidemill/dsl/branch_node.hpp>
#include <tidemill/dsl/kstream.hpp>

namespace tidemill {

/// A branch's name is the splitter's name and this one, or its number (from 1; the default branch's is 0). With a function the
/// result has the branch's place in the map; what goes to a consumer is not in it.
template <class K, class V>
struct Branched {
  std::string name = {};
  std::function<KStream<K, V>(KStream<K, V>)> function = nullptr;
  std::function<void(KStream<K, V>)> consumer = nullptr;
};

template <class K, class V>
class BranchedKStream {
 public:
  using Streams = std::map<std::string, KStream<K, V>>;
  BranchedKStream(typename KStream<K, V>::Handle at, std::string name, std::shared_ptr<detail::BranchNode::Branches> branches)
      : at_(std::move(at)), name_(std::move(name)), branches_(std::move(branches)) {}

  template <class F>
  BranchedKStream& branch(F predicate, Branched<K, V> branched = {}) {
    TIDEMILL_CHECK_RESULT("branch(predicate)", Predicate, F, predicate, "the predicate must return a bool");
    if constexpr (detail::Predicate<F, K, V>) {
      const std::string suffix = branched.name.empty() ? std::to_string(branches_->branches.size() + 1) : branched.name;
      branches_->branches.emplace_back(
          [predicate](const void* key, const void* value) mutable {
            if constexpr (!detail::kSeesNull<F, K, V>) {
              if (value == nullptr) return false;
            }
            return static_cast<bool>(detail::call<K, V>(predicate, key, value));
          },
          name_ + suffix);
      add_child(suffix, branched);
    }
    return *this;
  }
  /// Takes what no branch took; the streams by name.
  Streams default_branch(Branched<K, V> branched = {}) {
    const std::string suffix = branched.name.empty() ? "0" : branched.name;
    branches_->default_child = name_ + suffix;
    add_child(suffix, branched);
    return streams_;
  }
  /// What no branch took is gone; the streams by name.
  Streams no_default_branch() { return streams_; }

 private:
  void add_child(const std::string& suffix, const Branched<K, V>& branched) {
    if (!branched.name.empty()) Draft::check_name(branched.name);
    const std::string name = name_ + suffix;
    at_.draft->burn_index();
    at_.draft->add_processor({.name = name,
                              .prototype = prototype(new detail::PassThroughNode),
                              .parents = {name_},
                              .input = detail::stream_type<K, V>(),
                              .output = detail::stream_type<K, V>()});
    typename KStream<K, V>::Handle handle = at_;
    handle.node = name;
    handle.join_source = std::make_shared<std::string>();
    KStream<K, V> stream(std::move(handle));
    if (branched.function) {
      streams_.insert_or_assign(name, branched.function(std::move(stream)));
    } else if (branched.consumer) {
      branched.consumer(std::move(stream));
    } else {
      streams_.insert_or_assign(name, std::move(stream));
    }
  }
  typename KStream<K, V>::Handle at_;
  std::string name_;
  std::shared_ptr<detail::BranchNode::Branches> branches_;
  Streams streams_;
};

}  // namespace tidemill
