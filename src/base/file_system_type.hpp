// Which file systems are another machine's: there a lock may be granted twice, and an fsync may mean nothing.
#pragma once

#include <cstdint>

namespace tidemill {

/// By statfs's f_type: the magic numbers of linux/magic.h, and of file systems that are not in it.
[[nodiscard]] constexpr bool is_network_file_system(std::uint64_t type) {
  switch (type & 0xffffffffU) {
    case 0x00006969:  // NFS
    case 0x0000517b:  // SMB
    case 0xff534d42:  // CIFS
    case 0xfe534d42:  // SMB2
    case 0x5346414f:  // AFS
    case 0x6b414653:  // AFS, the kernel's own
    case 0x73757245:  // Coda
    case 0x0000564c:  // NCP
    case 0x00c36400:  // Ceph
    case 0x01161970:  // GFS2
    case 0x7461636f:  // OCFS2
    case 0x0bd00bd0:  // Lustre
    case 0x19830326:  // BeeGFS
    case 0x47504653:  // GPFS
    case 0xaad7aaea:  // PanFS
    case 0x20030528:  // OrangeFS
    case 0x01021997:  // 9p
      return true;
    default: return false;
  }
}

}  // namespace tidemill
