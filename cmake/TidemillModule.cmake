# tidemill_module(NAME [PUBLIC modules...] [PRIVATE modules...] [INTERNAL modules...] [VENDOR targets...])
#
# One library with one include root. In the build tree every module gets a folder that holds nothing but a
# symbolic link to its headers, and only that folder is on the include path of who links the module: a header
# of a module that is not linked is not found.
#
#   <tidemill/NAME/x.hpp>  public headers, from include/tidemill/NAME; target tidemill_NAME
#   "NAME/x.hpp"           private headers, from src/NAME; target tidemill_NAME_internal
#
# PUBLIC: modules whose public headers appear in this module's public headers.
# PRIVATE: modules whose public headers only its sources include.
# INTERNAL: modules whose private headers its sources include as well.
# VENDOR: packaged libraries; always private.
set(TIDEMILL_ROOTS ${CMAKE_BINARY_DIR}/roots)

function(tidemill_link_root path target)
  get_filename_component(folder ${path} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  file(CREATE_LINK ${target} ${path} SYMBOLIC)
endfunction()

function(tidemill_module name)
  cmake_parse_arguments(M "" "" "PUBLIC;PRIVATE;INTERNAL;VENDOR" ${ARGN})
  set(public_dir ${PROJECT_SOURCE_DIR}/include/tidemill/${name})
  set(private_dir ${PROJECT_SOURCE_DIR}/src/${name})
  file(GLOB sources CONFIGURE_DEPENDS ${private_dir}/*.cpp)
  set(target tidemill_${name})

  if(sources)
    add_library(${target} STATIC ${sources})
    set_property(GLOBAL APPEND PROPERTY TIDEMILL_LIBRARIES ${target})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(Tidemill::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})

  target_compile_features(${target} ${scope} cxx_std_20)  # also for who links the installed library
  if(IS_DIRECTORY ${public_dir})
    tidemill_link_root(${TIDEMILL_ROOTS}/${name}/public/tidemill/${name} ${public_dir})
    target_include_directories(${target} ${scope} $<BUILD_INTERFACE:${TIDEMILL_ROOTS}/${name}/public>
                               $<INSTALL_INTERFACE:include>)
  endif()
  tidemill_link_root(${TIDEMILL_ROOTS}/${name}/private/${name} ${private_dir})
  add_library(${target}_internal INTERFACE)
  target_include_directories(${target}_internal INTERFACE ${TIDEMILL_ROOTS}/${name}/private)

  list(TRANSFORM M_PUBLIC PREPEND tidemill_)
  target_link_libraries(${target} ${scope} ${M_PUBLIC})
  if(sources)
    target_include_directories(${target} PRIVATE ${TIDEMILL_ROOTS}/${name}/private)
    foreach(other ${M_PRIVATE} ${M_INTERNAL})
      target_link_libraries(${target} PRIVATE tidemill_${other})
    endforeach()
    foreach(other ${M_INTERNAL})
      target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:tidemill_${other}_internal>)
    endforeach()
    target_link_libraries(${target} PRIVATE ${M_VENDOR} Threads::Threads)
  endif()

  if(TIDEMILL_VERIFY_HEADERS AND IS_DIRECTORY ${public_dir})
    tidemill_verify_headers(${target} ${public_dir} tidemill/${name})
  endif()
  set_property(GLOBAL APPEND PROPERTY TIDEMILL_MODULES ${name})
  install(TARGETS ${target} EXPORT TidemillTargets ARCHIVE DESTINATION lib)
endfunction()

# Every header of `folder` compiles alone, with only what the module declares.
function(tidemill_verify_headers target folder prefix)
  file(GLOB headers RELATIVE ${folder} CONFIGURE_DEPENDS ${folder}/*.hpp)
  set(checks)
  foreach(header ${headers})
    string(MAKE_C_IDENTIFIER ${header} id)
    set(check ${CMAKE_BINARY_DIR}/verify/${target}/${id}.cpp)
    file(CONFIGURE OUTPUT ${check} CONTENT "#include <${prefix}/${header}>\n" @ONLY)
    list(APPEND checks ${check})
  endforeach()
  if(checks)
    add_library(${target}_verify_headers OBJECT ${checks})
    target_link_libraries(${target}_verify_headers PRIVATE ${target})
    target_compile_options(${target}_verify_headers PRIVATE -O0)
  endif()
endfunction()
