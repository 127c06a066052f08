using System.Text.RegularExpressions;
using Halo.Contracts.Queries;

namespace Halo.Link.Engines.SqlServer;

/// <summary>What a text of Transact-SQL can do, by its words. Where in doubt, it can.</summary>
static partial class TransactSql
{
    static readonly HashSet<string> Known = ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "DECLARE", "SET", "IF"];

    /// <summary>Whether it can leave a transaction open: asking costs a round trip, so it is asked only then.</summary>
    public static bool MayOpenTransaction(QueryCommand asked) =>
        asked.Type == CommandType.StoredProcedure || Transactions().IsMatch(asked.Text) || !Known.Contains(FirstWord(asked));

    /// <summary>Whether statements can stand before it in one batch: a procedure's name alone, or CREATE VIEW, must be the first.</summary>
    public static bool TakesStatementsBefore(QueryCommand asked) => asked.Type != CommandType.StoredProcedure && Known.Contains(FirstWord(asked));

    /// <summary>Whether it can change the isolation level of its session.</summary>
    public static bool SetsIsolation(QueryCommand asked) => asked.Text.Contains("ISOLATION", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a part of it, or all, can have been committed though it did not come to its end.</summary>
    public static bool MayCommit(QueryCommand asked) =>
        asked.Type == CommandType.StoredProcedure || SingleStatement.HidesWords(asked.Text) || Commits().IsMatch(asked.Text) || !BeginsFirst().IsMatch(asked.Text) && !OnlyReads(asked);

    /// <summary>Whether it can end a transaction that was open before it.</summary>
    public static bool MayEndTransaction(QueryCommand asked) =>
        asked.Type == CommandType.StoredProcedure || SingleStatement.HidesWords(asked.Text) || Commits().IsMatch(asked.Text) || Catches().IsMatch(asked.Text) || !Known.Contains(FirstWord(asked));

    /// <summary>Whether no word of it changes anything.</summary>
    public static bool OnlyReads(QueryCommand asked) =>
        FirstWord(asked) is "SELECT" or "WITH" or "DECLARE" or "SET" or "IF" or "BEGIN" or "PRINT" or "WAITFOR"
        && !Writes().IsMatch(asked.Text) && !Into().IsMatch(asked.Text) && !SingleStatement.HidesWords(asked.Text);

    /// <summary>Whether it calls procedures, or runs texts of its own.</summary>
    public static bool Calls(QueryCommand asked) => SingleStatement.HidesWords(asked.Text) || Executes().IsMatch(asked.Text) || !Known.Contains(FirstWord(asked)) && FirstWord(asked) is not "BEGIN";

    /// <summary>Whether SQL Server does it whole or not at all: it only reads, or is a single statement.</summary>
    public static bool IsAtomic(QueryCommand asked) =>
        asked.Type != CommandType.StoredProcedure && (FirstWord(asked) is "SELECT" or "WITH" && OnlyReads(asked) || WritesOnce(asked) && SingleStatement.IsAll(asked.Text));

    /// <summary>Whether one statement of it, or all of it, changes data; those around it read.</summary>
    public static bool WritesOnce(QueryCommand asked) =>
        asked.Type != CommandType.StoredProcedure && FirstWord(asked) is "WITH" or "INSERT" or "UPDATE" or "DELETE" or "MERGE" && Writes().Count(asked.Text) == 1;

    /// <summary>Whether one transaction is all of it, committed at its very end.</summary>
    public static bool IsOneTransaction(QueryCommand asked) =>
        asked.Type != CommandType.StoredProcedure && !SingleStatement.HidesWords(asked.Text) && OneTransaction().IsMatch(asked.Text) && Commits().Count(asked.Text) == 1 && Begins().Count(asked.Text) == 1;

    /// <summary>Empty where the text begins with a name in brackets or quotes: then it calls a procedure.</summary>
    static string FirstWord(QueryCommand asked) => First().Match(asked.Text).Groups[1].Value.ToUpperInvariant();

    [GeneratedRegex(@"\A(?:[\s;(]|--[^\n]*\n|/\*(?:(?!/\*).)*?\*/)*([A-Za-z]\w*)", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex First();

    [GeneratedRegex(@"TRAN|EXEC", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Transactions();

    [GeneratedRegex(@"\b(COMMIT|ROLLBACK|EXEC|EXECUTE|ANSI_DEFAULTS|IMPLICIT_TRANSACTIONS(?!\s+ON\b))\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Commits();

    [GeneratedRegex(@"\bBEGIN\s+TRY\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Catches();

    [GeneratedRegex(@"\b(EXEC|EXECUTE)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Executes();

    [GeneratedRegex(@"\bBEGIN\s+(DISTRIBUTED\s+)?TRAN", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Begins();

    [GeneratedRegex(@"\b(INSERT|UPDATE|DELETE|MERGE|EXEC|EXECUTE|CREATE|ALTER|DROP|TRUNCATE|COMMIT|BACKUP|RESTORE|DBCC|GRANT|REVOKE|DENY|BULK|UPDATETEXT|WRITETEXT|SEND|RECEIVE|KILL|SHUTDOWN|RECONFIGURE|OPENQUERY|OPENROWSET|OPENDATASOURCE|NEXT\s+VALUE|ENABLE|DISABLE|CONVERSATION|DIALOG|CHECKPOINT)\b",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Writes();

    [GeneratedRegex(@"\bINTO\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Into();

    [GeneratedRegex(@"\A\s*(SET\s+XACT_ABORT\s+ON\s*;?\s*)?(BEGIN\s+TRAN|SET\s+IMPLICIT_TRANSACTIONS\s+ON\b)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex BeginsFirst();

    [GeneratedRegex(@"\A\s*(SET\s+XACT_ABORT\s+ON\s*;?\s*)?BEGIN\s+TRAN(SACTION)?\b.*\bCOMMIT(\s+(WORK|TRAN(SACTION)?))?\s*;?\s*\z",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex OneTransaction();
}
