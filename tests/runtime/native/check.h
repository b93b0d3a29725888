/* CHECK(condition): on failure says where and with which values, and ends the test. */
#ifndef DCELITE_TESTS_CHECK_H
#define DCELITE_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                               \
    do {                                                                               \
        if (!(condition)) {                                                            \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);    \
            exit(1);                                                                   \
        }                                                                              \
    } while (0)

#define CHECK_EQUAL(seen, wanted)                                                                              \
    do {                                                                                                       \
        const long long seen_ = (long long)(seen), wanted_ = (long long)(wanted);                              \
        if (seen_ != wanted_) {                                                                                \
            fprintf(stderr, "%s:%d: failed: %s is %lld, %lld was wanted\n", __FILE__, __LINE__, #seen, seen_,  \
                    wanted_);                                                                                  \
            exit(1);                                                                                           \
        }                                                                                                      \
    } while (0)

/* A small reproducible generator (Marsaglia's xorshift32). */
static inline unsigned random_u32(unsigned *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

#endif
