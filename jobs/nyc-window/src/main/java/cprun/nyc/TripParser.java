package cprun.nyc;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads the three key fields (pickup time, pickup zone, total amount) of a CSV row, straight from its
 * bytes. These rules are a contract: cprun checks the job's results against an oracle of its own, which
 * must read every row alike.
 *
 * <p><b>Row.</b> CR and LF bytes at its end are dropped, however many. Fields are divided by commas. A
 * field whose first byte is a double quote is quoted: it lasts to the next double quote that is not
 * doubled, may hold commas, and must be followed by a comma or the end of the row. Any other field
 * lasts to the next comma, and a double quote in it is a byte like any other. Only the fields up to
 * the last key field are looked at. A row is bad if one of these breaks the rule for quotes, if the row
 * has not as many, or if a key field is bad. A missing Kafka value is a bad row.
 *
 * <p><b>Key field.</b> What is between the quotes, or the whole field where it is not quoted; spaces and
 * tabs at both ends are dropped. What is left must match one of the three forms below from end to end,
 * else it is bad. All three are made of ASCII, so an empty field, a doubled quote and bytes that are
 * not UTF-8 are bad without a rule of their own. A digit is 0 to 9.
 *
 * <p><b>Pickup time.</b> {@code yyyy-MM-dd HH:mm:ss}: four digits, then two each, with just these
 * separators, save that {@code T} may stand for the space; then perhaps a point and 1 to 9 digits, cut
 * (not rounded) to milliseconds. A day that exists in the proleptic Gregorian calendar, years 0000 to
 * 9999; hour up to 23, minute and second up to 59. Read as UTC.
 *
 * <p><b>Zone.</b> 1 to 9 digits, then perhaps a point and any number of zeros ({@code 132}, {@code
 * 132.0}: some exports write floats). No sign.
 *
 * <p><b>Amount.</b> Perhaps {@code +} or {@code -}; 0 to 15 digits; perhaps a point and any number of
 * digits; at least one digit in all ({@code 5}, {@code -5.}, {@code .5}). No exponent. In cents,
 * rounded half away from zero on the decimal text: the third digit after the point, if it is 5 or more,
 * adds one to the magnitude. Negative amounts stay negative. Sums are 64-bit.
 */
final class TripParser {
    private static final byte[] FLUSH_KEY = "flush".getBytes(StandardCharsets.US_ASCII);

    /** What a form that does not match gives; no valid figure is as small. */
    private static final long BAD = Long.MIN_VALUE;

    private final int pickupColumn;
    private final int zoneColumn;
    private final int amountColumn;
    private final int lastColumn;
    private final boolean keepRow;

    /** Columns are zero-based; {@code keepRow}: whether a trip holds the bytes it was read from. */
    TripParser(int pickupColumn, int zoneColumn, int amountColumn, boolean keepRow) {
        this.pickupColumn = pickupColumn;
        this.zoneColumn = zoneColumn;
        this.amountColumn = amountColumn;
        this.lastColumn = Math.max(pickupColumn, Math.max(zoneColumn, amountColumn));
        this.keepRow = keepRow;
    }

    /** Of the program's argument {@code columns}: pickup time, zone and amount. */
    static TripParser of(int[] columns, boolean keepRow) {
        return new TripParser(columns[0], columns[1], columns[2], keepRow);
    }

    /** The trip of a row, or null if the row is bad. */
    Trip trip(byte[] row) {
        if (row == null) {
            return null;
        }
        int end = row.length;
        while (end > 0 && (row[end - 1] == '\n' || row[end - 1] == '\r')) {
            end--;
        }
        long pickup = BAD;
        long zone = BAD;
        long cents = BAD;
        int at = 0;
        for (int column = 0; column <= lastColumn; column++) {
            if (at > end) {
                return null;
            }
            boolean quoted = at < end && row[at] == '"';
            int from = quoted ? at + 1 : at;
            int to = quoted ? closingQuote(row, from, end) : comma(row, from, end);
            if (to < 0) {
                return null;
            }
            int next = quoted ? to + 1 : to;
            if (next < end && row[next] != ',') {
                return null;
            }
            if (column == pickupColumn) {
                pickup = epochMs(row, skipBlanks(row, from, to), dropBlanks(row, from, to));
            } else if (column == zoneColumn) {
                zone = zone(row, skipBlanks(row, from, to), dropBlanks(row, from, to));
            } else if (column == amountColumn) {
                cents = cents(row, skipBlanks(row, from, to), dropBlanks(row, from, to));
            }
            at = next + 1;
        }
        if (pickup == BAD || zone == BAD || cents == BAD) {
            return null;
        }
        return new Trip(pickup, (int) zone, cents, keepRow ? row : Trip.NO_ROW);
    }

    /** Whether a record with this Kafka key is a flush record: a signal that moves the watermark. */
    static boolean isFlush(byte[] key) {
        return key != null && Arrays.equals(key, FLUSH_KEY);
    }

    /**
     * The trip that stands for a flush record, or null if its value is not what it must be: perhaps
     * {@code -}, then 1 to 15 digits, an event time in epoch milliseconds.
     */
    static Trip flush(byte[] value) {
        if (value == null) {
            return null;
        }
        boolean negative = value.length > 0 && value[0] == '-';
        int from = negative ? 1 : 0;
        if (value.length - from > 15) {
            return null;
        }
        long epochMs = digits(value, from, value.length);
        return epochMs < 0 ? null : Trip.flush(negative ? -epochMs : epochMs);
    }

    static long epochMs(byte[] b, int from, int to) {
        if (to - from < 19
                || b[from + 4] != '-'
                || b[from + 7] != '-'
                || (b[from + 10] != ' ' && b[from + 10] != 'T')
                || b[from + 13] != ':'
                || b[from + 16] != ':') {
            return BAD;
        }
        long year = digits(b, from, from + 4);
        long month = digits(b, from + 5, from + 7);
        long day = digits(b, from + 8, from + 10);
        long hour = digits(b, from + 11, from + 13);
        long minute = digits(b, from + 14, from + 16);
        long second = digits(b, from + 17, from + 19);
        long millis = fraction(b, from + 19, to);
        if (year < 0
                || month < 1
                || month > 12
                || day < 1
                || day > daysInMonth(year, month)
                || hour < 0
                || hour > 23
                || minute < 0
                || minute > 59
                || second < 0
                || second > 59
                || millis < 0) {
            return BAD;
        }
        return (((epochDay(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millis;
    }

    /** Milliseconds of what follows the seconds: nothing, or a point and 1 to 9 digits; -1 if neither. */
    private static long fraction(byte[] b, int from, int to) {
        if (from == to) {
            return 0;
        }
        int count = to - from - 1;
        long value = b[from] == '.' && count <= 9 ? digits(b, from + 1, to) : -1;
        if (value < 0) {
            return -1;
        }
        for (; count < 3; count++) {
            value *= 10;
        }
        for (; count > 3; count--) {
            value /= 10;
        }
        return value;
    }

    private static int daysInMonth(long year, long month) {
        if (month == 2) {
            return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
        }
        return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
    }

    /**
     * Days from 1970-01-01, proleptic Gregorian, for years from 0 on. Years are counted from March, so
     * that the leap day is the last of its year; java.time would allocate for each row.
     */
    private static long epochDay(long year, long month, long day) {
        long y = month <= 2 ? year - 1 : year;
        long era = Math.floorDiv(y, 400);
        long yearOfEra = y - era * 400;
        long dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
        long dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
        return era * 146_097 + dayOfEra - 719_468;
    }

    static long zone(byte[] b, int from, int to) {
        int point = from;
        while (point < to && b[point] != '.') {
            point++;
        }
        long value = point - from <= 9 ? digits(b, from, point) : -1;
        for (int i = point + 1; i < to; i++) {
            if (b[i] != '0') {
                return BAD;
            }
        }
        return value < 0 ? BAD : value;
    }

    static long cents(byte[] b, int from, int to) {
        int at = from;
        boolean negative = at < to && b[at] == '-';
        if (negative || (at < to && b[at] == '+')) {
            at++;
        }
        long units = 0;
        int whole = 0;
        for (; at < to && isDigit(b[at]); at++) {
            if (++whole > 15) {
                return BAD;
            }
            units = units * 10 + (b[at] - '0');
        }
        long cents = units * 100;
        int decimals = 0;
        if (at < to && b[at] == '.') {
            for (at++; at < to && isDigit(b[at]); at++) {
                int digit = b[at] - '0';
                decimals++;
                if (decimals == 1) {
                    cents += 10 * digit;
                } else if (decimals == 2) {
                    cents += digit;
                } else if (decimals == 3 && digit >= 5) {
                    cents += 1;
                }
            }
        }
        if (at < to || whole + decimals == 0) {
            return BAD;
        }
        return negative ? -cents : cents;
    }

    /** The number these bytes spell, or -1 if there are none or one is not a digit. At most 18. */
    private static long digits(byte[] b, int from, int to) {
        if (from >= to) {
            return -1;
        }
        long value = 0;
        for (int i = from; i < to; i++) {
            if (!isDigit(b[i])) {
                return -1;
            }
            value = value * 10 + (b[i] - '0');
        }
        return value;
    }

    private static boolean isDigit(byte b) {
        return b >= '0' && b <= '9';
    }

    private static int comma(byte[] b, int from, int to) {
        int at = from;
        while (at < to && b[at] != ',') {
            at++;
        }
        return at;
    }

    /** Where the quoted field that begins at {@code from} ends, or -1 if it does not. */
    private static int closingQuote(byte[] b, int from, int to) {
        for (int at = from; at < to; at++) {
            if (b[at] == '"') {
                if (at + 1 == to || b[at + 1] != '"') {
                    return at;
                }
                at++;
            }
        }
        return -1;
    }

    private static int skipBlanks(byte[] b, int from, int to) {
        int at = from;
        while (at < to && isBlank(b[at])) {
            at++;
        }
        return at;
    }

    private static int dropBlanks(byte[] b, int from, int to) {
        int at = to;
        while (at > from && isBlank(b[at - 1])) {
            at--;
        }
        return at;
    }

    private static boolean isBlank(byte b) {
        return b == ' ' || b == '\t';
    }
}
