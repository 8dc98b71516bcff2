// eos_client --config FILE process|process-complex: the client of Kafka's EOS system test, judged by its EosTestDriver.
#include <cstdio>
#include <cstring>

#include "client_program.hpp"
#include "eos_topology.hpp"

int main(int argc, char** argv) {
  const bool complex = argc == 4 && std::strcmp(argv[3], "process-complex") == 0;
  const bool simple = argc == 4 && std::strcmp(argv[3], "process") == 0;
  if (std::strcmp(argc > 1 ? argv[1] : "", "--config") != 0 || simple == complex) {
    std::fprintf(stderr, "usage: eos_client --config FILE process|process-complex\n");
    return 2;
  }
  return tidemill::run_client_program(
      {.name = "EOS-TEST-CLIENT",
       .topology = complex ? tidemill::eos_topology_with_repartitioning : tidemill::eos_topology,
       // The driver asks for this group. No cache: it wants an output for every input. The long commit interval is so
       // that a kill finds an open transaction.
       .settings = {{"application.id", "EosTest"},
                    {"processing.guarantee", "exactly_once_v2"},
                    {"num.stream.threads", "1"},
                    {"num.standby.replicas", "2"},
                    {"statestore.cache.max.bytes", "0"},
                    {"commit.interval.ms", "5000"}}},
      argv[2]);
}
