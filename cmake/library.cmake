# The library for other projects: every layer up to live in one archive, libstreamdiffusion.a, without FFmpeg and SDL.
# In the build tree and installed it is the target streamdiffusion::streamdiffusion; installed it also has a pkg-config file.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

sd_parts_of(live objects links)
list(REMOVE_ITEM links nlohmann_json::nlohmann_json) # headers only, and in no public header

add_library(streamdiffusion_library STATIC ${objects})
add_library(streamdiffusion::streamdiffusion ALIAS streamdiffusion_library)
target_link_libraries(streamdiffusion_library PRIVATE ${links})
target_compile_features(streamdiffusion_library PUBLIC cxx_std_20)
target_include_directories(streamdiffusion_library INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(streamdiffusion_library PROPERTIES
  OUTPUT_NAME streamdiffusion EXPORT_NAME streamdiffusion LINKER_LANGUAGE CXX)

set(SD_PC_REQUIRES "libpng libturbojpeg libwebp libwebpdemux lcms2 libhwy icu-uc zlib")
set(SD_PC_LIBS "-pthread")
set(SD_CONFIG_CPU FALSE)
if(TARGET sd_backend_cpu)
  set(SD_CONFIG_CPU TRUE)
  string(APPEND SD_PC_LIBS " -ldnnl ${OpenMP_CXX_FLAGS}")
endif()
set(SD_CONFIG_CUDA FALSE)
if(TARGET sd_backend_cuda)
  set(SD_CONFIG_CUDA TRUE)
  string(APPEND SD_PC_LIBS " -L${CUDAToolkit_LIBRARY_DIR} -lcudart_static -lrt -ldl")
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/streamdiffusion)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/streamdiffusionConfig.cmake.in
  ${PROJECT_BINARY_DIR}/generated/streamdiffusionConfig.cmake INSTALL_DESTINATION ${package_dir}
  PATH_VARS CMAKE_INSTALL_DATADIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/generated/streamdiffusionConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)

install(TARGETS streamdiffusion_library EXPORT streamdiffusionTargets)
install(EXPORT streamdiffusionTargets NAMESPACE streamdiffusion:: DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/generated/streamdiffusionConfig.cmake
              ${PROJECT_BINARY_DIR}/generated/streamdiffusionConfigVersion.cmake DESTINATION ${package_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/streamdiffusion DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} PATTERN c.h EXCLUDE)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/models/pictogram DESTINATION ${CMAKE_INSTALL_DATADIR}/streamdiffusion/models COMPONENT program)

# The prefix of a pkg-config file is where the file itself lies, so that a copied installation still works.
file(RELATIVE_PATH SD_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${PROJECT_SOURCE_DIR}/cmake/streamdiffusion.pc.in ${PROJECT_BINARY_DIR}/generated/streamdiffusion.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/generated/streamdiffusion.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
