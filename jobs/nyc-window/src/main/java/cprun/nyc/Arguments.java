package cprun.nyc;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The program's arguments, {@code --name value} each. Strict, unlike Flink's own ParameterTool, which
 * takes an unknown name without a word: a mistyped argument would run the wrong experiment.
 */
final class Arguments {
    private final Map<String, String> given = new HashMap<>();

    Arguments(String[] args, List<String> known) {
        for (int i = 0; i < args.length; i += 2) {
            String name = args[i].startsWith("--") ? args[i].substring(2) : null;
            if (name == null || !known.contains(name)) {
                throw wrong("unknown argument '" + args[i] + "'; known are --" + String.join(", --", known));
            }
            if (i + 1 == args.length) {
                throw wrong("argument --" + name + " has no value");
            }
            if (given.put(name, args[i + 1]) != null) {
                throw wrong("argument --" + name + " is given twice");
            }
        }
    }

    String text(String name) {
        String value = given.getOrDefault(name, "");
        if (value.isEmpty()) {
            throw wrong("argument --" + name + (given.containsKey(name) ? " is empty" : " is missing"));
        }
        return value;
    }

    /** Empty if it is not given; whoever hands over a default that stands for nothing gives an empty text. */
    String textOrEmpty(String name) {
        return given.getOrDefault(name, "");
    }

    /** One of {@code choices}; the first is the default. */
    String choice(String name, String... choices) {
        String value = given.getOrDefault(name, choices[0]);
        if (!Arrays.asList(choices).contains(value)) {
            throw wrong(
                    "argument --" + name + " must be one of " + String.join(", ", choices) + ", not '" + value + "'");
        }
        return value;
    }

    long wholeNumber(String name, long otherwise, long least) {
        String value = given.get(name);
        if (value == null) {
            return otherwise;
        }
        try {
            long number = Long.parseLong(value);
            if (number >= least) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Said below, in the same words as for a number out of range.
        }
        throw wrong("argument --" + name + " must be a whole number, " + least + " or more, not '" + value + "'");
    }

    /** {@code count} different zero-based positions, divided by commas. */
    int[] columns(String name, String otherwise, int count) {
        String value = given.getOrDefault(name, otherwise);
        if (value.matches("\\d{1,4}(,\\d{1,4}){" + (count - 1) + "}")) {
            int[] columns = Arrays.stream(value.split(",")).mapToInt(Integer::parseInt).toArray();
            if (Arrays.stream(columns).distinct().count() == count) {
                return columns;
            }
        }
        throw wrong(
                "argument --" + name + " must be " + count
                        + " different zero-based positions divided by commas, not '" + value + "'");
    }

    static IllegalArgumentException wrong(String message) {
        return new IllegalArgumentException("nyc-window: " + message);
    }
}
