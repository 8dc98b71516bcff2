#include <tidemill/processor/typed_nodes.hpp>

#include <new>

namespace tidemill::detail {

void throw_cannot_encode() {
  try {
    throw;
  } catch (const SerializationException&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;  // not the record's fault: no handler is to drop it
  } catch (const std::exception& error) {
    throw SerializationException(error.what());
  } catch (...) {
    throw SerializationException("a serde threw what is no std::exception");
  }
}

}  // namespace tidemill::detail
