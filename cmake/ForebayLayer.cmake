# forebay_layer(NAME [DEPS layer...] [LIBS target...])
#
# One folder of src/, one static library `forebay_NAME` of its *.cc files, and one test program
# `NAME_test` of its *_test.cc files. DEPS are the layers below that it includes; the layer check in
# tests/ holds the includes to the same order. With FOREBAY_FUZZ every *_fuzz.cc becomes a libFuzzer
# program of its own; its seeds, if it has any, lie in fuzz_corpus/<file name without _fuzz>/.
#
# Which presets register the unit tests is FOREBAY_UNIT_TESTS and FOREBAY_UNIT_LAYERS; where they are
# not registered the programs can still be built by name.
function(forebay_layer NAME)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  string(REPLACE "/" "_" TARGET ${NAME})
  file(GLOB SOURCES CONFIGURE_DEPENDS *.cc)
  set(TESTS ${SOURCES})
  set(FUZZERS ${SOURCES})
  list(FILTER TESTS INCLUDE REGEX "_test\\.cc$")
  list(FILTER FUZZERS INCLUDE REGEX "_fuzz\\.cc$")
  list(FILTER SOURCES EXCLUDE REGEX "_(test|fuzz)\\.cc$|/main\\.cc$")
  # A layer of headers alone is a library without a compilation of its own.
  if(SOURCES)
    set(SCOPE PUBLIC)
    add_library(forebay_${TARGET} STATIC ${SOURCES})
    set_target_properties(forebay_${TARGET} PROPERTIES LINKER_LANGUAGE CXX)
    target_precompile_headers(forebay_${TARGET} REUSE_FROM forebay_pch)
  else()
    set(SCOPE INTERFACE)
    add_library(forebay_${TARGET} INTERFACE)
  endif()
  target_include_directories(forebay_${TARGET} ${SCOPE} ${CMAKE_SOURCE_DIR}/src)
  target_compile_definitions(forebay_${TARGET} ${SCOPE} BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_HAS_CO_AWAIT
                             BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION)
  foreach(DEP IN LISTS ARG_DEPS)
    string(REPLACE "/" "_" DEP ${DEP})
    target_link_libraries(forebay_${TARGET} ${SCOPE} forebay_${DEP})
  endforeach()
  target_link_libraries(forebay_${TARGET} ${SCOPE} ${ARG_LIBS} Threads::Threads)
  if(FOREBAY_TESTS AND TESTS)
    forebay_unit_test(${NAME} ${TARGET} "${TESTS}")
  endif()
  if(FOREBAY_FUZZ)
    foreach(FUZZER IN LISTS FUZZERS)
      forebay_fuzzer(${TARGET} ${FUZZER})
    endforeach()
  endif()
endfunction()

function(forebay_unit_test NAME TARGET TESTS)
  add_executable(${TARGET}_test ${TESTS})
  target_link_libraries(${TARGET}_test PRIVATE forebay_${TARGET} forebay_asio GTest::gmock GTest::gtest_main)
  target_precompile_headers(${TARGET}_test REUSE_FROM forebay_pch)
  if(FOREBAY_SANITIZE STREQUAL "thread")
    target_sources(${TARGET}_test PRIVATE ${CMAKE_SOURCE_DIR}/cmake/tsan_suppressions.cc)
  endif()
  if(FOREBAY_UNIT_TESTS AND (NOT FOREBAY_UNIT_LAYERS OR NAME IN_LIST FOREBAY_UNIT_LAYERS))
    add_test(NAME ${FOREBAY_TEST_PREFIX}unit.${TARGET} COMMAND ${TARGET}_test)
    set_tests_properties(${FOREBAY_TEST_PREFIX}unit.${TARGET} PROPERTIES LABELS unit TIMEOUT 900)
    add_dependencies(unit_tests ${TARGET}_test)
  else()
    set_target_properties(${TARGET}_test PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
endfunction()

# A short run with a fixed time is the smoke test; `./dev fuzz SECONDS` runs them as long as you like.
function(forebay_fuzzer TARGET SOURCE)
  get_filename_component(STEM ${SOURCE} NAME_WE)
  set(FUZZER ${TARGET}_${STEM})
  string(REGEX REPLACE "_fuzz$" "" CORPUS_NAME ${STEM})
  set(CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz_corpus/${CORPUS_NAME})
  add_executable(${FUZZER} ${SOURCE})
  target_link_libraries(${FUZZER} PRIVATE forebay_${TARGET} forebay_asio -fsanitize=fuzzer)
  add_dependencies(fuzzers ${FUZZER})
  set(GROWN ${CMAKE_BINARY_DIR}/corpus/${FUZZER})
  file(MAKE_DIRECTORY ${GROWN})
  # The preset's seed is fixed: the smoke test repeats itself. `./dev fuzz` looks for what is new.
  set(ARGUMENTS -seed=${FOREBAY_FUZZ_SEED} -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
      -artifact_prefix=${CMAKE_BINARY_DIR}/${FUZZER}- ${GROWN})
  if(IS_DIRECTORY ${CORPUS})
    list(APPEND ARGUMENTS ${CORPUS})
  endif()
  add_test(NAME fuzz.${TARGET}.${CORPUS_NAME}
           COMMAND ${FUZZER} -max_total_time=${FOREBAY_FUZZ_SECONDS} ${ARGUMENTS})
  math(EXPR LIMIT "${FOREBAY_FUZZ_SECONDS} + 120")
  set_tests_properties(fuzz.${TARGET}.${CORPUS_NAME} PROPERTIES LABELS fuzz TIMEOUT ${LIMIT})
endfunction()
