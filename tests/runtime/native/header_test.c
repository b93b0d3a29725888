#include "dcelite.h"

int32_t (*const header_compiles_alone_as_c)(void) = dce_abi_version;
