# Kernels of an instruction set: src/dsp/isa_NAME.h together with the kernels that are the same for all, src/dsp/PART_vector.h,
# in a file for each part, compiled with the options of the set. Included by runtime/CMakeLists.txt.
#
#   dcelite_instruction_set(NAME [EXTENDS SET] [PARTS PART...] [NEEDS FEATURE...] [OPTIONS OPTION...] [TUNING OPTION...])
#
# It has the kernels of PARTS, of all without it; the others are those of SET, else the scalar ones. The processor NEEDS
# features of src/dsp/dsp.h. Where the compiler lacks one of OPTIONS, the set is left out, and those that extend it; what it
# lacks of TUNING, it does without. A set is better than those before it.
include(CheckCXXCompilerFlag)

function(dcelite_check_option option result)
  string(MAKE_C_IDENTIFIER "DCELITE_COMPILER_HAS${option}" variable)
  check_cxx_compiler_flag(${option} ${variable})
  set(${result} ${${variable}} PARENT_SCOPE)
endfunction()

set(dcelite_optimize $<$<CONFIG:Release>:-O3>)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "wasm32")
  list(APPEND dcelite_optimize -fno-unroll-loops)
endif()
set(dcelite_vectorize $<$<CONFIG:Release>:-O2> $<$<CONFIG:Release>:-ftree-vectorize>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  dcelite_check_option(-fvect-cost-model=dynamic has_option)
  if(has_option)
    list(APPEND dcelite_vectorize $<$<CONFIG:Release>:-fvect-cost-model=dynamic>)
  endif()
endif()

set(dcelite_parts convolution convolution_int8 convolution_fixed curve_bytes curve_fixed curve_floats)
set(dcelite_options_of_convolution ${dcelite_optimize} -ffp-contract=fast)
# The same bits on every processor. What clang unrolls beyond the register blocks is longer and no faster.
set(dcelite_options_of_convolution_int8 ${dcelite_optimize} -ffp-contract=off
  $<$<CXX_COMPILER_ID:Clang>:-fno-unroll-loops>)
set(dcelite_options_of_convolution_fixed $<$<CONFIG:Release>:-O2> -ffp-contract=off)
set(dcelite_options_of_curve_bytes ${dcelite_optimize} -ffp-contract=fast)
set(dcelite_options_of_curve_fixed ${dcelite_optimize})
set(dcelite_options_of_curve_floats ${dcelite_vectorize} -ffp-contract=fast)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "wasm32")
  list(APPEND dcelite_options_of_curve_floats -Os -fno-unroll-loops)
endif()

set(dcelite_instruction_sets scalar)
set(dcelite_kernels_of_scalar scalar scalar none scalar scalar scalar)  # whose kernels the parts are
set(dcelite_needs_of_scalar 0)

function(dcelite_instruction_set name)
  cmake_parse_arguments(PARSE_ARGV 1 set "" "EXTENDS" "PARTS;NEEDS;OPTIONS;TUNING")
  if(NOT set_EXTENDS)
    set(set_EXTENDS scalar)
  endif()
  if(NOT set_PARTS)
    set(set_PARTS ${dcelite_parts})
  endif()
  set(options ${set_OPTIONS})
  foreach(option IN LISTS set_OPTIONS)
    dcelite_check_option(${option} has_option)
    if(NOT has_option)
      message(STATUS
        "dcelite: without kernels for ${name}: ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} has no ${option}")
      return()
    endif()
  endforeach()
  if(NOT set_EXTENDS IN_LIST dcelite_instruction_sets)
    message(STATUS "dcelite: without kernels for ${name}, for want of those for ${set_EXTENDS}")
    return()
  endif()
  foreach(option IN LISTS set_TUNING)
    dcelite_check_option(${option} has_option)
    if(has_option)
      list(APPEND options ${option})
    endif()
  endforeach()

  set(kernels)
  foreach(part other IN ZIP_LISTS dcelite_parts dcelite_kernels_of_${set_EXTENDS})
    if(part IN_LIST set_PARTS)
      set(source "${CMAKE_CURRENT_BINARY_DIR}/dsp/${part}_${name}.cpp")
      configure_file(cmake/kernels.cpp.in "${source}" @ONLY)
      set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS "${options};${dcelite_options_of_${part}}")
      target_sources(dcelite_objects PRIVATE "${source}")
      set(other ${name})
    endif()
    list(APPEND kernels ${other})
  endforeach()
  list(JOIN set_NEEDS " | " needs)
  set(dcelite_instruction_sets ${name} ${dcelite_instruction_sets} PARENT_SCOPE)
  set(dcelite_kernels_of_${name} ${kernels} PARENT_SCOPE)
  set(dcelite_needs_of_${name} "${needs}" PARENT_SCOPE)
endfunction()

# Writes the list of the sets, best first, for src/dsp/dsp.cpp; the tests read it from the target.
function(dcelite_write_instruction_sets file)
  set_target_properties(dcelite_objects PROPERTIES DCELITE_INSTRUCTION_SETS "${dcelite_instruction_sets}")
  set(lines)
  foreach(name IN LISTS dcelite_instruction_sets)
    list(JOIN dcelite_kernels_of_${name} ", " kernels)
    string(APPEND lines "DCE_INSTRUCTION_SET(${name}, ${dcelite_needs_of_${name}}, ${kernels})\n")
  endforeach()
  file(WRITE "${file}.new" "${lines}")
  configure_file("${file}.new" "${file}" COPYONLY)  # leaves an equal file alone
endfunction()
