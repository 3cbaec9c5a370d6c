package org.genarm.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class CheckpointExceptionTest {
  private static final Path FILE = Path.of("folder/pairs.jsonl");

  private static String found(IOException failure) {
    CheckpointException thrown = new CheckpointException(FILE, "a file", failure);
    assertEquals(FILE + ": expected a file, found " + thrown.found(), thrown.getMessage());
    return thrown.found();
  }

  @Test
  void whatTheSystemSaysIsToldWithoutClassesAndWithoutTheFileTwice() {
    assertEquals("nothing there", found(new NoSuchFileException("folder/pairs.jsonl")));
    assertEquals("nothing at folder", found(new NoSuchFileException("folder")));
    assertEquals("no permission", found(new AccessDeniedException("folder/pairs.jsonl")));
    assertEquals("Not a directory", found(new FileSystemException("folder/pairs.jsonl", null, "Not a directory")));
    assertEquals("bytes that are no text in UTF-8", found(new MalformedInputException(1)));
    assertEquals("Is a directory", found(new IOException("Is a directory")));
  }

  @Test
  void aFailureThatSaysNothingIsToldByItsClass() {
    assertEquals("java.io.IOException", found(new IOException()));
  }
}
