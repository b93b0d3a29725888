// The bytes of a fuzzer's input, taken one value after the other; zeros where they have run out.
#ifndef DCELITE_TESTS_FUZZ_INPUT_H
#define DCELITE_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

class FuzzInput {
public:
    FuzzInput(const uint8_t *data, size_t size) : data_(data), size_(size) {}

    template <typename T>
    T take() {
        T value = 0;
        const size_t count = sizeof value < size_ ? sizeof value : size_;
        memcpy(&value, data_, count);
        data_ += count;
        size_ -= count;
        return value;
    }

    // low … high
    int between(int low, int high) { return low + take<uint8_t>() % (high - low + 1); }

    const uint8_t *rest() const { return data_; }
    size_t rest_size() const { return size_; }

private:
    const uint8_t *data_;
    size_t size_;
};

#endif
