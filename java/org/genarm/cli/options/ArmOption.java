package org.genarm.cli.options;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A reward model as the command line names it: {@code [NAME=]DIR[=WEIGHT]}.
 *
 * @param name the folder's where none is given
 * @param weight 1 where none is given
 */
public record ArmOption(String name, Path directory, double weight) {
  private static final Pattern NUMBER =
      Pattern.compile("[+-]?((\\d+\\.?\\d*|\\.\\d+)(e[+-]?\\d+)?|nan|inf|infinity)", Pattern.CASE_INSENSITIVE);

  static ArmOption parse(String text) {
    String rest = text;
    double weight = 1;
    int last = text.lastIndexOf('=');
    if (last >= 0 && NUMBER.matcher(text.substring(last + 1)).matches()) {
      weight = weight(text.substring(last + 1));
      rest = text.substring(0, last);
    }
    int first = rest.indexOf('=');
    String directory = rest.substring(first + 1);
    if (directory.isEmpty() || first == 0) {
      throw new TypeConversionException("expected [NAME=]DIR[=WEIGHT], got '" + text + "'");
    }
    Path path = Path.of(directory);
    if (first > 0 && Files.isDirectory(Path.of(rest.substring(0, first))) && !Files.exists(path)) {
      throw new TypeConversionException("'" + directory + "' behind " + rest.substring(0, first)
          + " is neither a weight nor a folder");
    }
    return new ArmOption(first < 0 ? folder(path, text) : rest.substring(0, first), path, weight);
  }

  private static double weight(String text) {
    boolean word = text.toLowerCase(Locale.ROOT).matches("[+-]?(nan|inf|infinity)");
    double weight = word ? Double.NaN : Double.parseDouble(text);
    if (!Float.isFinite((float) weight)) {
      throw new TypeConversionException("a weight must be finite in f32, got " + text);
    }
    return weight;
  }

  private static String folder(Path path, String text) {
    Path name = path.toAbsolutePath().normalize().getFileName();
    if (name == null) {
      throw new TypeConversionException("'" + text + "' has no folder name: give NAME=DIR");
    }
    return name.toString();
  }

  static final class Converter implements ITypeConverter<ArmOption> {
    @Override
    public ArmOption convert(String text) {
      return parse(text);
    }
  }
}
