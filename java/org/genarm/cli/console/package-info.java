/** What every verb prints alike: progress on a terminal, reports as a table or JSON, an error's line and exit code. */
package org.genarm.cli.console;
