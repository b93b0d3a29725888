// snprintf of WebAssembly, for the sentences of errors: %d %u %p %s %c %g with l, ll, t and z, and no more. That of the
// C library is 15 kB, a tenth of the whole.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

namespace {

struct Text {
    char *bytes;
    size_t room, length;

    void add(char byte) {
        if (length + 1 < room) bytes[length] = byte;
        ++length;
    }
    void add(const char *text) {
        while (*text) add(*text++);
    }
    void add(uint64_t number) {
        char digits[20];
        int count = 0;
        do digits[count++] = static_cast<char>('0' + number % 10);
        while (number /= 10);
        while (count) add(digits[--count]);
    }
    void add(int64_t number) {
        if (number < 0) add('-');
        add(number < 0 ? uint64_t{0} - static_cast<uint64_t>(number) : static_cast<uint64_t>(number));
    }
    void add_shortest(double number);
    void add_fraction(uint64_t digits, int places);
};

// What of `places` digits is left without zeros at the end, behind a point.
void Text::add_fraction(uint64_t digits, int places) {
    if (digits == 0) return;
    while (digits % 10 == 0) digits /= 10, --places;
    add('.');
    uint64_t unit = 1;
    for (int i = 1; i < places; ++i) unit *= 10;
    for (; unit > 0; unit /= 10) add(static_cast<char>('0' + digits / unit % 10));
}

// %g: six significant digits, as 123.456 between 0.0001 and a million, as 1.23456e+07 beyond.
void Text::add_shortest(double number) {
    if (number != number) return add("nan");
    if (__builtin_signbit(number)) {
        add('-');
        number = -number;
    }
    if (number == __builtin_inf()) return add("inf");
    if (number == 0.0) return add('0');
    int exponent = 0;
    double mantissa = number;  // 1 … 10
    for (; mantissa >= 10.0; ++exponent) mantissa /= 10.0;
    for (; mantissa < 1.0; --exponent) mantissa *= 10.0;
    uint64_t digits = static_cast<uint64_t>(mantissa * 1e5 + 0.5);  // six of them
    if (digits == 1000000) {
        digits = 100000;
        ++exponent;
    }
    if (exponent < -4 || exponent >= 6) {
        add(digits / 100000);
        add_fraction(digits % 100000, 5);
        add('e');
        add(exponent < 0 ? '-' : '+');
        const uint64_t size = static_cast<uint64_t>(exponent < 0 ? -exponent : exponent);
        if (size < 10) add('0');
        return add(size);
    }
    const int places = 5 - exponent;  // digits behind the point
    uint64_t unit = 1;
    for (int i = 0; i < places; ++i) unit *= 10;
    add(digits / unit);
    add_fraction(digits % unit, places);
}

}  // namespace

extern "C" int vsnprintf(char *bytes, size_t room, const char *format, va_list arguments) {
    Text text = {bytes, room, 0};
    for (; *format; ++format) {
        if (*format != '%') {
            text.add(*format);
            continue;
        }
        int longs = 0;
        for (++format; *format == 'l' || *format == 'z' || *format == 't'; ++format) longs += *format == 'l';
        switch (*format) {
            case 'd':
                text.add(longs == 2 ? va_arg(arguments, int64_t) : int64_t{va_arg(arguments, int32_t)});
                break;
            case 'p':
            case 'u':
                text.add(longs == 2 ? va_arg(arguments, uint64_t) : uint64_t{va_arg(arguments, uint32_t)});
                break;
            case 'g':
                text.add_shortest(va_arg(arguments, double));
                break;
            case 's':
                text.add(va_arg(arguments, const char *));
                break;
            case 'c':
                text.add(static_cast<char>(va_arg(arguments, int)));
                break;
            default:
                text.add(*format);
                break;
        }
    }
    if (room > 0) bytes[text.length < room ? text.length : room - 1] = '\0';
    return static_cast<int>(text.length);
}

extern "C" int snprintf(char *bytes, size_t room, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(bytes, room, format, arguments);
    va_end(arguments);
    return length;
}
