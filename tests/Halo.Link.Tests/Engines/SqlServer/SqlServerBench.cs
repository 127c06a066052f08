using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>The SQL Server that HALO_TEST_SQLSERVER names; skips the test where there is none.</summary>
static class SqlServerBench
{
    const string Skipped = "HALO_TEST_SQLSERVER is not set: give it the connection string of a SQL Server database that the tests may write to.";

    public static EngineBench New(string? settings = null)
    {
        var server = Environment.GetEnvironmentVariable("HALO_TEST_SQLSERVER");
        Assert.SkipWhen(string.IsNullOrEmpty(server), Skipped);
        return new(DatabaseEngines.Create(EngineNames.SqlServer, server + settings, TimeProvider.System));
    }

    /// <summary>Makes a procedure of that name and body anew.</summary>
    public static async Task ProcedureAsync(this EngineBench bench, string name, string body)
    {
        await bench.DoAsync($"IF OBJECT_ID('{name}') IS NOT NULL DROP PROCEDURE {name}");
        await bench.DoAsync($"CREATE PROCEDURE {name} {body}");
    }

    /// <summary>Makes an empty table of that name.</summary>
    public static async Task TableAsync(this EngineBench bench, string name, string columns)
    {
        await bench.DoAsync($"IF OBJECT_ID('{name}') IS NOT NULL DROP TABLE {name}");
        await bench.DoAsync($"CREATE TABLE {name} ({columns})");
    }

    public static CommandParameter Output(string name, SqlType type, int? size = null) => new(name) { Direction = ParameterDirection.Output, Type = type, Size = size };
}
