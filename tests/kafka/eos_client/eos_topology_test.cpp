// The names of the EOS client's nodes and stores are Java's: the verifier and Java's own client meet ours in the topics.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "eos_topology.hpp"

namespace tidemill {
namespace {

/// What Apache Kafka 4.2.0 prints for the same topology, written in its Java DSL.
std::string golden(const std::string& form) {
  std::ifstream in(GOLDEN + form + ".txt", std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(EosTopology, IsJavas) { EXPECT_EQ(eos_topology().describe(), golden("process")); }
TEST(EosTopology, WithRepartitioningIsJavas) {
  EXPECT_EQ(eos_topology_with_repartitioning().describe(), golden("process-complex"));
}

}  // namespace
}  // namespace tidemill
