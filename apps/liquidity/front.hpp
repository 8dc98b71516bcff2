// Front: what the chain shows and takes over HTTP: the page and its events, POST /transactions, health and metrics.
#pragma once

#include <http/server.hpp>
#include <tidemill/streams.hpp>

#include <memory>
#include <string>

#include "liquidity/intake.hpp"
#include "liquidity/view.hpp"

namespace liquidity {

class Front {
 public:
  /// `streams` must outlive it. `counts`: what its topology counts.
  Front(const std::shared_ptr<tidemill::Log>& log, const tidemill::Streams& streams, std::shared_ptr<const Counts> counts);
  /// `port` as in RunOptions. Returns the port; throws std::runtime_error.
  int start(int port);

 private:
  kit::Response post(const std::string& body);
  View view_;
  Intake intake_;
  kit::HttpServer server_;
};

}  // namespace liquidity
