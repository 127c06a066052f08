using System.Text.RegularExpressions;
using Halo.Contracts.Queries;

namespace Halo.Link.Engines.SqlServer;

/// <summary>What a text of Transact-SQL can do, by its words. Where in doubt, it can.</summary>
static partial class TransactSql
{
    static readonly HashSet<string> Known = ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "DECLARE", "SET", "IF"];

    /// <summary>Whether it can leave a transaction open: asking costs a round trip, so it is asked only then.</summary>
    public static bool MayOpenTransaction(QueryCommand asked) =>
        asked.Type == CommandType.StoredProcedure || Transactions().IsMatch(asked.Text) || !Known.Contains(SqlScript.FirstWords(asked.Text).FirstOrDefault() ?? "");

    /// <summary>Whether it can change the isolation level of its session.</summary>
    public static bool SetsIsolation(QueryCommand asked) => asked.Text.Contains("ISOLATION", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a part can have been committed before the rest was rolled back.</summary>
    public static bool MayCommit(QueryCommand asked) =>
        asked.Type == CommandType.StoredProcedure || Commits().IsMatch(asked.Text) || Writes().Count(asked.Text) > 0 && !BeginsFirst().IsMatch(asked.Text);

    /// <summary>Whether it is a single statement, which SQL Server does whole or not at all.</summary>
    public static bool IsAtomic(QueryCommand asked)
    {
        if (asked.Type == CommandType.StoredProcedure)
            return false;
        var first = SqlScript.FirstWords(asked.Text).FirstOrDefault();
        return first is "SELECT" or "WITH" or "INSERT" or "UPDATE" or "DELETE" or "MERGE"
            && Writes().Count(asked.Text) <= (first == "SELECT" ? 0 : 1);
    }

    [GeneratedRegex(@"TRAN|EXEC", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Transactions();

    [GeneratedRegex(@"\b(COMMIT|EXEC|EXECUTE)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Commits();

    [GeneratedRegex(@"\b(INSERT|UPDATE|DELETE|MERGE|INTO\s+#?\w+\s+FROM|EXEC|EXECUTE|CREATE|ALTER|DROP|TRUNCATE|COMMIT|BACKUP|RESTORE|DBCC|GRANT|REVOKE|DENY|BULK)\b",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Writes();

    [GeneratedRegex(@"\A\s*(SET\s+XACT_ABORT\s+ON\s*;?\s*)?BEGIN\s+TRAN", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex BeginsFirst();
}
