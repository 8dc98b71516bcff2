#include "liquidity/front.hpp"

#include "liquidity/file_input.hpp"
#include "liquidity/page.hpp"

namespace liquidity {
namespace {

constexpr int kDefaultPort = 8080;
constexpr std::chrono::milliseconds kPageInterval{500};

}  // namespace

Front::Front(const std::shared_ptr<tidemill::Log>& log, const tidemill::Streams& streams, std::shared_ptr<const Counts> counts)
    : view_(log, std::move(counts)), intake_(log, seen_by(streams)) {
  server_.get("/", [] { return kit::Response{200, page(), "text/html; charset=utf-8"}; });
  server_.get("/state", [this] { return kit::Response{200, view_.json()}; });
  server_.events("/events", kPageInterval, [this] { return view_.json(); });
  server_.post("/transactions", [this](const std::string& body) { return post(body); });
  server_.operations(streams, [this] { return view_.metrics(); });
}

int Front::start(int port) {
  if (port < 0) return server_.start(kDefaultPort, kit::PortChoice::kThisOrNext);
  try {
    return server_.start(port, kit::PortChoice::kThis);
  } catch (const std::runtime_error& problem) {
    throw std::runtime_error(std::string(problem.what()) +
                             ": choose another with --port, leave --port out for the next "
                             "free one from " +
                             std::to_string(kDefaultPort) + " on, or take --no-http");
  }
}

// 201: in the log for good; the chain judges it. 200: it was there already. 409: its id was, with another content. 422: in the
// log, too, and the chain will refuse it for what it says itself. 400: no transaction at all. 503: not in the log, or nobody
// knows; to send it again is safe.
kit::Response Front::post(const std::string& body) {
  if (body.size() > kLineBytesMax) {
    return kit::error_response(
        413, "the transaction has " + std::to_string(body.size()) + " bytes, more than " + std::to_string(kLineBytesMax));
  }
  Transaction transaction;
  try {
    transaction = Reader().transaction(body);
  } catch (const BadInput& problem) {
    return kit::error_response(400, problem.what());
  }
  Added added = Added::kNew;
  try {
    added = intake_.add(transaction, body);
  } catch (const tidemill::ResultException& problem) {
    return kit::error_response(503, std::string(problem.what()) + "; send it again, a repeated id has no second effect");
  }
  if (!transaction.refusal.empty()) return kit::error_response(422, transaction.refusal);
  switch (added) {
    case Added::kNew: return {201, "{\"id\":" + json_text(transaction.id) + "}"};
    case Added::kKnown: return {200, "{\"id\":" + json_text(transaction.id) + ",\"known\":true}"};
    case Added::kContradiction: break;
  }
  return kit::error_response(409,
                             "transaction " + transaction.id +
                                 " is known with another content, and stays as it is; nothing has been written. A correction "
                                 "needs an id of its own");
}

}  // namespace liquidity
