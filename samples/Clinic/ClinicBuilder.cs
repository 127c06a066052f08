using Microsoft.Data.Sqlite;

namespace Halo.Samples.Clinic;

/// <summary>How many rows a practice has.</summary>
public sealed record ClinicSize(int Practitioners, int Patients, int Appointments, int Invoices, int Observations, int Notes);

/// <summary>Builds the demonstration practice: the same seed gives the same bytes.</summary>
public static class ClinicBuilder
{
    public const long DefaultSeed = 1122;
    public const int Practitioners = 12;
    public const int Patients = 2_000;
    public const int Appointments = 40_000;

    /// <summary>The practice's today where none is named: appointments lie on both sides of it.</summary>
    public static readonly DateOnly Today = new(2026, 11, 22);

    /// <summary>Writes a new SQLite file.</summary>
    /// <param name="today">The day from which the books run; null: <see cref="Today"/>, for the same bytes on every day.</param>
    /// <exception cref="IOException">The file exists.</exception>
    public static ClinicSize Build(string path, long seed = DefaultSeed, DateOnly? today = null)
    {
        // CreateNew: never overwrites anybody's database.
        using (new FileStream(path, FileMode.CreateNew)) { }
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        connection.Open();
        // Nothing to recover: a build that dies is thrown away.
        Execute(connection, "PRAGMA page_size=4096; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA encoding='UTF-8';");
        using var transaction = connection.BeginTransaction();
        Execute(connection, Schema.Tables);
        var size = new ClinicFiller(connection, transaction, new Dice((ulong)seed), today ?? Today).Fill();
        Execute(connection, Schema.Indexes);
        transaction.Commit();
        return size;
    }

    static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
