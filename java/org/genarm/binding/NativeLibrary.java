package org.genarm.binding;

import static org.genarm.binding.door.Genarm.GA_ABI_VERSION;
import static org.genarm.binding.door.Genarm.GA_FILE_ERROR;
import static org.genarm.binding.door.Genarm.GA_INVALID_ARGUMENT;
import static org.genarm.binding.door.Genarm.GA_NOT_FINITE;
import static org.genarm.binding.door.Genarm.GA_OK;
import static org.genarm.binding.door.Genarm.GA_OUT_OF_MEMORY;
import static org.genarm.binding.door.Genarm.GA_UNSUPPORTED;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.genarm.binding.door.Genarm;

/** The native half: found and loaded once, on first use. */
public final class NativeLibrary {
  private NativeLibrary() {}

  /** Where the library was loaded from. {@link NativeException} says which jar is missing. */
  public static String location() {
    load();
    return Loaded.LOCATION;
  }

  /** The version of these classes. */
  public static String version() {
    try (InputStream text = NativeLibrary.class.getResourceAsStream("version.txt")) {
      return new String(text.readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  static void load() {
    if (Loaded.FAILURE != null) {
      throw new NativeException(Loaded.FAILURE.getMessage(), Loaded.FAILURE);
    }
  }

  /** Turns a status into the exception that stands for it, with the native text. */
  static void check(int status) {
    if (status != GA_OK) {
      throw failure(status, text(Genarm.ga_last_error()));
    }
  }

  static RuntimeException failure(int status, String message) {
    return switch (status) {
      case GA_INVALID_ARGUMENT -> new IllegalArgumentException(message);
      case GA_UNSUPPORTED -> new UnsupportedOperationException(message);
      case GA_OUT_OF_MEMORY -> new NativeException.OutOfMemory(message);
      case GA_NOT_FINITE -> new NativeException.NotFinite(message);
      case GA_FILE_ERROR -> new NativeException.FileError(message);
      default -> new NativeException(message);
    };
  }

  /** UTF-8 and a closing zero; the caller closes it. */
  static BytePointer text(String value) {
    if (value.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("a name cannot hold a zero character: " + value.replace("\0", "\\0"));
    }
    return new BytePointer(value, StandardCharsets.UTF_8);
  }

  static String text(BytePointer value) {
    return value.getString(StandardCharsets.UTF_8);
  }

  private static final class Loaded {
    static final String LOCATION;
    static final NativeException FAILURE;

    static {
      // JavaCPP counts mapped checkpoints as its own memory and would refuse to go on beyond a multiple of -Xmx.
      setUnlessGiven("org.bytedeco.javacpp.maxBytes");
      setUnlessGiven("org.bytedeco.javacpp.maxPhysicalBytes");
      String location = null;
      NativeException failure = null;
      try {
        location = Loader.load(Genarm.class);
        int found = Genarm.ga_abi_version();
        if (found != GA_ABI_VERSION) {
          failure = new NativeException(
              location + " speaks version " + found + " of the door, these classes speak " + GA_ABI_VERSION);
        }
      } catch (LinkageError error) {
        failure = new NativeException(missing(error), error);
      }
      LOCATION = location;
      FAILURE = failure;
    }

    private static void setUnlessGiven(String property) {
      if (System.getProperty(property) == null) {
        System.setProperty(property, "0");
      }
    }

    private static String missing(LinkageError error) {
      String jar = "genarm-" + version() + "-" + Loader.getPlatform() + ".jar";
      return "no native library: " + jar + " must be on the class path (" + error.getMessage() + ")";
    }
  }
}
