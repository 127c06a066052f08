using System.Collections.Frozen;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace Halo.Link.Engines.Sqlite;

/// <summary>Judges, while SQLite compiles it, what a query asks for besides rows: SQLite itself says what that is, never the text.</summary>
/// <remarks>
/// SQLite asks for every pragma, also one inside EXPLAIN or behind a table-valued function such as <c>pragma_table_info</c>. Many of them change the
/// whole process or the file for everybody: a list says which may pass, so that one that a later SQLite adds is refused.
/// </remarks>
static class SqliteAuthorizer
{
    /// <summary>Pragmas that only read, or change this one connection. The value: whether they may be given an argument.</summary>
    static readonly FrozenDictionary<string, bool> Pragmas = new Dictionary<string, bool>(StringComparer.OrdinalIgnoreCase)
    {
        // What they are given names a table or index, or bounds what they list.
        ["table_info"] = true,
        ["table_xinfo"] = true,
        ["table_list"] = true,
        ["index_info"] = true,
        ["index_xinfo"] = true,
        ["index_list"] = true,
        ["foreign_key_list"] = true,
        ["foreign_key_check"] = true,
        ["integrity_check"] = true,
        ["quick_check"] = true,
        // What they set is gone with the connection.
        ["foreign_keys"] = true,
        ["defer_foreign_keys"] = true,
        ["recursive_triggers"] = true,
        ["case_sensitive_like"] = true,
        ["reverse_unordered_selects"] = true,
        ["automatic_index"] = true,
        ["query_only"] = true,
        ["read_uncommitted"] = true,
        ["analysis_limit"] = true,
        // Reading alone; given a value they would change the file, the process, or a limit of the caller.
        ["application_id"] = false,
        ["auto_vacuum"] = false,
        ["busy_timeout"] = false,
        ["cache_size"] = false,
        ["collation_list"] = false,
        ["compile_options"] = false,
        ["data_version"] = false,
        ["database_list"] = false,
        ["encoding"] = false,
        ["freelist_count"] = false,
        ["function_list"] = false,
        ["journal_mode"] = false,
        ["locking_mode"] = false,
        ["max_page_count"] = false,
        ["module_list"] = false,
        ["page_count"] = false,
        ["page_size"] = false,
        ["pragma_list"] = false,
        ["schema_version"] = false,
        ["secure_delete"] = false,
        ["synchronous"] = false,
        ["temp_store"] = false,
        ["trusted_schema"] = false,
        ["user_version"] = false,
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>What loads code or reaches into the process.</summary>
    static readonly FrozenSet<string> Functions =
        new[] { "load_extension", "fts3_tokenizer", "sqlite_log" }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Why SQLite must not do it; null: it may.</summary>
    /// <param name="action">SQLite's action code.</param>
    /// <param name="first">What it says of the action first, as UTF-8; null: nothing.</param>
    /// <param name="second">What it says second.</param>
    /// <param name="isInBatch">It would run in the transaction of a batch.</param>
    public static unsafe string? Refuse(int action, byte* first, byte* second, bool isInBatch)
    {
        switch (action)
        {
            case raw.SQLITE_PRAGMA:
                var pragma = TextOf(first);
                if (!Pragmas.TryGetValue(pragma, out var takesValue))
                    return $"PRAGMA {Shown(pragma)} is not available through Halo Link: pragmas that only read, or that change this one query's connection, are.";
                return second == null || takesValue
                    ? null
                    : $"PRAGMA {Shown(pragma)} can be read but not set through Halo Link: it changes more than this one query.";
            case raw.SQLITE_FUNCTION:
                var function = TextOf(second);
                return Functions.Contains(function) ? $"The function {Shown(function)} is not available through Halo Link: it reaches beyond the database." : null;
            case raw.SQLITE_ATTACH:
                return "ATTACH and VACUUM are not available through Halo Link: a query reaches the one database that it was sent to.";
            case raw.SQLITE_DETACH:
                return "DETACH is not available through Halo Link: a query reaches the one database that it was sent to.";
            case raw.SQLITE_TRANSACTION when isInBatch:
                return "A batch is one transaction, which the Link begins and commits: leave out BEGIN, COMMIT and ROLLBACK.";
            default:
                return null;
        }
    }

    static unsafe string TextOf(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";

    /// <summary>A name from the caller's text, which can be of any length.</summary>
    static string Shown(string name) => name.Length <= 64 ? name : name[..64] + "…";
}
