namespace Halo.Cli.Shell;

/// <summary>What <c>\?</c> says.</summary>
static class ShellHelp
{
    public static readonly string[] Commands = ["\\d", "\\x", "\\timing", "\\refresh", "\\?", "\\q"];

    public const string Text = """
        A statement ends with a semicolon and may go over several lines. One with semicolons within (CREATE PROCEDURE, TRIGGER, FUNCTION or RULE, DECLARE, IF, WHILE, BEGIN ... END)
        ends with GO, / or \g alone on a line. Each is a transaction of its own: BEGIN, COMMIT and ROLLBACK are refused. Batches of the API take effect together.

          \d             tables and views
          \d TABLE       columns, keys and indexes of one
          \x             a column to a line: on, off, or where rows are wider than the terminal (auto)
          \timing        how long each statement took: on or off
          \refresh       read the schema anew, for \d and completion
          \?             this
          \q, Ctrl+D     end

        Ctrl+C leaves the statement that is being typed, and cancels one that runs, at the practice.
        What was pasted behind a statement that failed is not run.
        Up, Down       earlier statements; Ctrl+R searches them. They are kept in a file that only you can read, what they gave is not.
                       One that begins with a space is not kept; --no-history keeps none.
        Tab            completes names of tables and columns, and words of SQL
        """;
}
