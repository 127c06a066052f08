namespace Halo.Cli.Shell;

/// <summary>What <c>\?</c> says.</summary>
static class ShellHelp
{
    public static readonly string[] Commands = ["\\d", "\\x", "\\timing", "\\refresh", "\\?", "\\q"];

    public const string Text = """
        A statement ends with a semicolon and may go over several lines. Each runs by itself: a transaction is begun and ended within one statement, or by halo's batches.

          \d             tables and views
          \d TABLE       columns, keys and indexes of one
          \x             rows one below the other: on, off, or where they are wider than the terminal (auto)
          \timing        how long each statement took: on or off
          \refresh       read the schema anew, for \d and completion
          \?             this
          \q, Ctrl+D     end

        Ctrl+C leaves the statement that is being typed, and cancels one that runs, at the practice.
        Up, Down       earlier statements; Ctrl+R searches them. They are kept in a file that only you can read, what they gave is not; --no-history keeps none.
        Tab            completes names of tables and columns
        """;
}
