# contract_backend: the contract of dialgate/backend.h, for any plugin.
add_executable(contract_backend backend_main.c backend_rig.c backend_outcomes.c backend_control.c
  backend_bridges.c backend_places.c backend_stored.c backend_queues.c backend_refusals.c backend_end.c)
target_link_libraries(contract_backend PRIVATE dg_plug PkgConfig::CMOCKA)

add_test(NAME contract_mock COMMAND contract_backend $<TARGET_FILE:plugin_mock>
  --config ${CMAKE_CURRENT_SOURCE_DIR}/backend.toml --instance mock)
add_test(NAME contract_mock_local COMMAND contract_backend $<TARGET_FILE:plugin_mock>
  --config ${CMAKE_CURRENT_SOURCE_DIR}/backend.toml --instance mock
  --endpoint "Local/{number}@outbound")
set_tests_properties(contract_mock contract_mock_local PROPERTIES LABELS contract TIMEOUT 300)
