// One scenario: what is piped into a topology, and what Java's driver sent after each step.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "registry.hpp"
#include "world.hpp"

namespace tidemill::vectors {

/// Empty: everything is as Java had it; else the first difference.
std::string run_scenario(const RegisteredTopology& topology, const nlohmann::json& scenario, const World& world);

/// The same for a topology's description: describe(), stores, internal topics, sub-topologies.
std::string compare_topology(const RegisteredTopology& topology, const nlohmann::json& description);

}  // namespace tidemill::vectors
