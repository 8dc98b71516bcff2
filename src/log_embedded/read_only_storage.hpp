// A Storage whose writes stay in memory: what opens a log only to look may recover it as ever, and leaves every byte on
// the disk as it was.
//
// Reads see the files below with this object's own changes upon them. Only what differs is kept, page by page, so the
// memory taken is what recovery changes (a few markers), not what it reads. Locks are taken for real.
#pragma once

#include <memory>

#include <tidemill/base/storage.hpp>

namespace tidemill::embedded {

/// Owns `below`.
[[nodiscard]] std::unique_ptr<Storage> read_only_storage(std::unique_ptr<Storage> below);

}  // namespace tidemill::embedded
