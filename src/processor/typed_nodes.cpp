#include <tidemill/processor/typed_nodes.hpp>

namespace tidemill::detail {

void throw_cannot_encode() {
  try {
    throw;
  } catch (const SerializationException&) {
    throw;
  } catch (const std::exception& error) {
    throw SerializationException(error.what());
  } catch (...) {
    throw SerializationException("a serde threw what is no std::exception");
  }
}

}  // namespace tidemill::detail
