// The liquidity chain as a topology: a pure function.
//
//   transactions → [validate] → legs → [account balance] → client legs → [client balance] → client balances → [limit monitor]
//                      ↓ dlq               ↓ account balances                                       breaches, breach clears
//
// A transaction is taken whole or refused whole; a repeated id has no second effect, and with another content it is refused. Crossings are judged leg by leg in the
// order of the client's partition.
#pragma once

#include <tidemill/topology/topology.hpp>

#include <memory>

#include "liquidity/counts.hpp"

namespace liquidity {

[[nodiscard]] tidemill::Topology build_topology(const std::shared_ptr<Counts>& counts = std::make_shared<Counts>());

}  // namespace liquidity
