#include "log_kafka/live_members.hpp"

namespace tidemill::kafka {

void LiveMembers::set(const std::string& group, const std::string& member_id, std::int32_t generation,
                      std::int32_t kept_since) {
  const std::lock_guard lock(mutex_);
  members_[{group, member_id}] = {generation, kept_since};
}

void LiveMembers::remove(const std::string& group, const std::string& member_id) {
  const std::lock_guard lock(mutex_);
  members_.erase({group, member_id});
}

void LiveMembers::wait_for_commits(const std::string& group, const std::string& member_id) {
  std::unique_lock lock(mutex_);
  committed_.wait_for(lock, kCommitPatience, [&] { return !commits_.contains({group, member_id}); });
}

MembershipToken LiveMembers::renew(const MembershipToken& token) const {
  const std::lock_guard lock(mutex_);
  MembershipToken renewed = token;
  const auto found = members_.find({token.group, token.member_id});
  if (found != members_.end() && token.generation >= found->second.kept_since) renewed.generation = found->second.generation;
  return renewed;
}

bool LiveMembers::keeps_its_tasks(const MembershipToken& token) const {
  const std::lock_guard lock(mutex_);
  const auto found = members_.find({token.group, token.member_id});
  return found != members_.end() && token.generation >= found->second.kept_since;
}

LiveMembers::Commit::Commit(LiveMembers& members, const MembershipToken& token)
    : members_(members), id_(token.group, token.member_id) {
  const std::lock_guard lock(members_.mutex_);
  ++members_.commits_[id_];
}

LiveMembers::Commit::~Commit() {
  const std::lock_guard lock(members_.mutex_);
  const auto found = members_.commits_.find(id_);
  if (--found->second == 0) members_.commits_.erase(found);
  members_.committed_.notify_all();
}

}  // namespace tidemill::kafka
