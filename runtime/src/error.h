// The last failure of a handle: a status and a sentence, in memory that is there from the start.
#ifndef DCELITE_ERROR_H
#define DCELITE_ERROR_H

#include <stdarg.h>
#include <stdio.h>

#include "dcelite.h"

namespace dce {

struct Error {
    char message[512] = "";

    // Records a sentence (printf style) and returns `status`, so that a caller can write `return error.set(…)`.
    __attribute__((format(printf, 3, 4))) dce_status set(dce_status status, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
        return status;
    }
};

}  // namespace dce

#endif
