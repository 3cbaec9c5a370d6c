package org.genarm.train;

/** A run that was stopped because its loss or its gradients say that it has diverged; its settings are too far out. */
public final class DivergedException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public DivergedException(String message) {
    super(message);
  }

  public DivergedException(String message, Throwable cause) {
    super(message, cause);
  }
}
