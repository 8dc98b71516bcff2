#include <tidemill/base/result.hpp>

namespace tidemill {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument: return "invalid argument";
    case ErrorKind::kNotFound: return "not found";
    case ErrorKind::kAlreadyExists: return "already exists";
    case ErrorKind::kCorruption: return "corruption";
    case ErrorKind::kIo: return "input/output error";
    case ErrorKind::kDiskFull: return "disk full";
    case ErrorKind::kLocked: return "locked";
    case ErrorKind::kFenced: return "fenced";
    case ErrorKind::kStaleMember: return "stale member";
    case ErrorKind::kOffsetOutOfRange: return "offset out of range";
    case ErrorKind::kTimeout: return "timeout";
    case ErrorKind::kUnavailable: return "unavailable";
    case ErrorKind::kFull: return "full";
    case ErrorKind::kTransactionAborted: return "transaction aborted";
    case ErrorKind::kUnauthorized: return "unauthorized";
    case ErrorKind::kUnsupported: return "unsupported";
    case ErrorKind::kTooLarge: return "too large";
    case ErrorKind::kClosed: return "closed";
    case ErrorKind::kInternal: return "internal error";
  }
  return "unknown error";
}

bool Error::retriable() const {
  return kind == ErrorKind::kTimeout || kind == ErrorKind::kUnavailable || kind == ErrorKind::kFull;
}
Error Error::with_context(std::string_view context) const { return Error{kind, std::string(context) + ": " + message, task}; }
std::string to_string(const Error& error) { return std::string(to_string(error.kind)) + ": " + error.message; }

ResultException::ResultException(Error error) : std::runtime_error(to_string(error)), error_(std::move(error)) {}

namespace detail {
void throw_result_exception(const Error& error) { throw ResultException(error); }
}  // namespace detail

}  // namespace tidemill
