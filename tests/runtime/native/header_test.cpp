#include "dcelite.h"

extern int32_t (*const header_compiles_alone_as_cpp)(void);
int32_t (*const header_compiles_alone_as_cpp)(void) = dce_abi_version;
