package org.genarm.binding;

/** A device or a file refused; the message is the native library's own. */
public class NativeException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public NativeException(String message) {
    super(message);
  }

  public NativeException(String message, Throwable cause) {
    super(message, cause);
  }

  /** The device has too little memory; everything that was open before stays usable. */
  public static final class OutOfMemory extends NativeException {
    private static final long serialVersionUID = 1;

    public OutOfMemory(String message) {
      super(message);
    }
  }

  /** A file could not be opened or mapped. */
  public static final class FileError extends NativeException {
    private static final long serialVersionUID = 1;

    public FileError(String message) {
      super(message);
    }
  }

  /** Training diverged: a loss or a gradient is not finite. The weights are what they were. */
  public static final class NotFinite extends NativeException {
    private static final long serialVersionUID = 1;

    public NotFinite(String message) {
      super(message);
    }
  }
}
