using System.Data;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer;

/// <summary>Who waits for locks of a session, as the server's own views have it.</summary>
static class SqlServerBlocking
{
    /// <summary>Seconds.</summary>
    const int AnswerWithin = 5;

    public const string Missing =
        "protection.blockingGuardMs cannot be held to: the login may not see who waits for whom. GRANT VIEW SERVER STATE TO it (from SQL Server 2022 on VIEW SERVER"
        + " PERFORMANCE STATE is enough), or set blockingGuardMs to 0.";

    /// <remarks>Sessions of a Link are told by their context: two of its own may wait for each other.</remarks>
    const string Waiting = """
        /* halo blocking guard */
        SELECT CAST(r.session_id AS int) FROM sys.dm_exec_requests AS r JOIN sys.dm_exec_sessions AS s ON s.session_id = r.session_id
        WHERE r.blocking_session_id = @session AND r.wait_type LIKE N'LCK%'
            AND ISNULL(CAST(s.context_info AS varchar(128)), '') NOT LIKE 'halo %'
        """;

    public static async Task<IReadOnlyCollection<long>> WaitingForAsync(SqlConnection beside, int session, CancellationToken stop)
    {
        using var command = new SqlCommand(Waiting, beside) { CommandTimeout = AnswerWithin };
        command.Parameters.Add(new("@session", SqlDbType.Int) { Value = session });
        using var reader = await command.ExecuteReaderAsync(stop);
        var waiting = new List<long>();
        while (await reader.ReadAsync(stop))
            waiting.Add(reader.GetInt32(0));
        return waiting;
    }

    /// <summary>"VIEW SERVER STATE permission was denied", and its like.</summary>
    public static bool IsMissing(SqlException failure) => failure.Number is 297 or 300 or 371 or 229;
}
