// LiveMembers: what the memberships and the commit groups of one KafkaLog know of one another.
//
// A rebalance moves a group to its next generation while its members go on working. A member that has kept its tasks all
// the while may commit what it did under the older generation, with the newer one's number; one that has lost them in between
// may not. Each membership keeps its standing here, and each commit asks for the token to use. A join waits (a little) for a
// commit under way, so that the generation does not change beneath it.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <tidemill/log/commit_group.hpp>

namespace tidemill::kafka {

class LiveMembers {
 public:
  /// How long a join waits for a commit under way.
  static constexpr std::chrono::milliseconds kCommitPatience{5000};

  /// The member is in `generation`; it has kept its tasks since `kept_since`.
  void set(const std::string& group, const std::string& member_id, std::int32_t generation, std::int32_t kept_since);
  void remove(const std::string& group, const std::string& member_id);
  /// Before a join is sent.
  void wait_for_commits(const std::string& group, const std::string& member_id);
  /// The token to commit with now: the given one, with the present generation if the member has kept its tasks since.
  [[nodiscard]] MembershipToken renew(const MembershipToken& token) const;
  /// Whether what was done under the token still is the member's to do again.
  [[nodiscard]] bool keeps_its_tasks(const MembershipToken& token) const;

  /// While it lives, joins of this member wait.
  class Commit {
   public:
    Commit(LiveMembers& members, const MembershipToken& token);
    ~Commit();
    Commit(const Commit&) = delete;
    Commit& operator=(const Commit&) = delete;

   private:
    LiveMembers& members_;
    std::pair<std::string, std::string> id_;
  };

 private:
  struct Standing {
    std::int32_t generation = -1;
    std::int32_t kept_since = -1;
  };
  using Id = std::pair<std::string, std::string>;  // group, member
  mutable std::mutex mutex_;
  std::condition_variable committed_;
  std::map<Id, Standing> members_;
  std::map<Id, int> commits_;
};

}  // namespace tidemill::kafka
