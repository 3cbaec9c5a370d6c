/** From preferences to a front: {@code genarm pairs}, {@code train}, {@code score} and {@code sweep}. */
package org.genarm.cli.alignment;
