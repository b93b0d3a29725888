# Libraries for Android on 64-bit Arm without the NDK: plain clang and lld, the headers of the C library for Linux, and, for
# the linker, empty libraries that have the names of symbols.txt. build_arm64.sh uses it, see there.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(ANDROID TRUE)
set(CMAKE_PLATFORM_NO_VERSIONED_SONAME TRUE)  # an app unpacks lib*.so alone
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)  # there is nothing to start a program with
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES DCELITE_STUBS)

set(CMAKE_C_COMPILER clang)
set(CMAKE_CXX_COMPILER clang++)
set(CMAKE_C_COMPILER_TARGET aarch64-linux-android26)
set(CMAKE_CXX_COMPILER_TARGET aarch64-linux-android26)

# What these headers say differs from Android's C library in the values of sysconf and errno, and in the size of mutexes
# and signal sets: those are smaller there, and mutexes are all zero at first in both. The core asks sysconf only where
# sched_getaffinity fails, and uses nothing else of the kind.
set(headers /usr/aarch64-linux-gnu/include)  # of C; those of a C++ library are not needed
# No outline atomics: they would need a helper library. No stack protector: its guard differs.
set(flags "-fPIC -fno-stack-protector -mno-outline-atomics -nostdlibinc -Wno-unused-command-line-argument")
set(CMAKE_C_FLAGS_INIT "${flags} -isystem ${headers}")
set(CMAKE_CXX_FLAGS_INIT "${flags} -isystem ${headers}")
# Not -z common-page-size=16384: the linker then pads GNU_RELRO to 16 KiB, beyond the last page of libraries that have no
# writable data, such as these, where pages are of 4 KiB; and loaders refuse what they cannot protect.
string(CONCAT CMAKE_SHARED_LINKER_FLAGS_INIT
  "-fuse-ld=lld -nostdlib -L${DCELITE_STUBS} -Wl,-z,max-page-size=16384 -Wl,-z,defs -Wl,-z,now "
  "-Wl,--hash-style=both -Wl,--build-id=sha1")
set(CMAKE_C_STANDARD_LIBRARIES -lc)
set(CMAKE_CXX_STANDARD_LIBRARIES -lc)
