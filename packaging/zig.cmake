# The compiler of zig (PyPI's ziglang), which brings the headers and libraries of every system that a wheel is for:
#
#   cmake -S . -B build/windows -DCMAKE_TOOLCHAIN_FILE=packaging/zig.cmake -DZIG=/path/zig -DZIG_TARGET=x86_64-windows-gnu
#
# ZIG_TARGET is processor-system-libc, with the version of glibc or of macOS: aarch64-linux-gnu.2.17, x86_64-macos.11.0.
# ZIG_CPU, which may be empty, is the processor in the words of zig (-mcpu).
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ZIG ZIG_TARGET ZIG_CPU)
string(REPLACE "-" ";" zig_parts "${ZIG_TARGET}")
list(GET zig_parts 0 CMAKE_SYSTEM_PROCESSOR)
list(GET zig_parts 1 zig_system)
if(zig_system MATCHES "^windows")
  set(CMAKE_SYSTEM_NAME Windows)
elseif(zig_system MATCHES "^macos")
  set(CMAKE_SYSTEM_NAME Darwin)
elseif(zig_system STREQUAL "wasi")  # whose C library the package for browsers has, and nothing of its system
  set(CMAKE_SYSTEM_NAME Generic)
else()
  set(CMAKE_SYSTEM_NAME Linux)
endif()

set(CMAKE_C_COMPILER "${ZIG}" cc)
set(CMAKE_CXX_COMPILER "${ZIG}" c++)
# zig builds with traps for undefined behaviour unless told otherwise. Paths of the build must not get into the files.
set(zig_flags "-target ${ZIG_TARGET} -fno-sanitize=undefined -g0 -ffile-prefix-map=${CMAKE_CURRENT_LIST_DIR}/..=.")
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Windows")
  string(APPEND zig_flags " -fno-unwind-tables -fno-asynchronous-unwind-tables")  # there are no exceptions
endif()
if(ZIG_CPU)
  string(APPEND zig_flags " -mcpu=${ZIG_CPU}")
endif()
set(CMAKE_C_FLAGS_INIT "${zig_flags}")
set(CMAKE_CXX_FLAGS_INIT "${zig_flags}")
set(CMAKE_LINK_DEPENDS_USE_LINKER OFF)  # zig has no --dependency-file
# CMake looks for SDKs of Apple, and for install_name_tool; there is none, and nothing to change in a file that has @rpath.
set(CMAKE_OSX_SYSROOT "" CACHE STRING "" FORCE)
set(CMAKE_OSX_DEPLOYMENT_TARGET "" CACHE STRING "" FORCE)

# What CMake would find out by linking a program, for which the C library of the target is built.
execute_process(COMMAND "${ZIG}" cc --version OUTPUT_VARIABLE zig_version)
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" zig_version "${zig_version}")
foreach(language C CXX)
  set(CMAKE_${language}_COMPILER_ID Clang)
  set(CMAKE_${language}_COMPILER_ID_RUN TRUE)
  set(CMAKE_${language}_COMPILER_VERSION "${zig_version}")
  set(CMAKE_${language}_COMPILER_FRONTEND_VARIANT GNU)
endforeach()
set(CMAKE_C_STANDARD_COMPUTED_DEFAULT 17)
set(CMAKE_CXX_STANDARD_COMPUTED_DEFAULT 17)
# Probes compile and do not link, which would build the C library of the target once more.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
# The library of the compiler is wanted for 32-bit Arm, which divides by it, and for Windows, where it touches the stack.
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-s")
if(ZIG_TARGET MATCHES "^x86_64-windows")
  string(APPEND CMAKE_SHARED_LINKER_FLAGS_INIT " -rtlib=none ${CMAKE_CURRENT_LIST_DIR}/windows_x86_64.S")
elseif(NOT ZIG_TARGET MATCHES "^arm-|-windows")
  string(APPEND CMAKE_SHARED_LINKER_FLAGS_INIT " -rtlib=none")
endif()

# Tools that CMake wants as one program each.
foreach(tool ar ranlib rc)
  set(script "${CMAKE_BINARY_DIR}/zig-${tool}")
  if(NOT EXISTS "${script}")
    file(WRITE "${script}.new" "#!/bin/sh\nexec '${ZIG}' ${tool} \"$@\"\n")
    file(COPY "${script}.new" DESTINATION "${CMAKE_BINARY_DIR}/zig-tools"
      FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
    file(RENAME "${CMAKE_BINARY_DIR}/zig-tools/zig-${tool}.new" "${script}")
  endif()
  string(TOUPPER "${tool}" variable)
  set(CMAKE_${variable} "${script}")
endforeach()
set(CMAKE_RC_COMPILER "${CMAKE_RC}")
set(CMAKE_INSTALL_NAME_TOOL "${ZIG}")
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)  # nothing is linked anew when it is installed
