using System.Data.Common;

namespace Halo.Api.Storage;

/// <summary>How everything but the group commit speaks to the store: SQL with parameters by name, rows read by a function. The same on both databases.</summary>
/// <remarks>Rows of a few columns are read by position, others by name.</remarks>
static class SqlExtensions
{
    public static DbCommand Command(
        this DbConnection connection, DbTransaction? transaction, string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        command.Transaction = transaction;
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = "@" + name;
            parameter.Value = value ?? DBNull.Value;
            command.Parameters.Add(parameter);
        }
        return command;
    }

    /// <returns>Rows affected.</returns>
    public static async Task<int> RunAsync(this DbTransaction transaction, string sql, params (string Name, object? Value)[] parameters)
    {
        await using var command = transaction.Connection!.Command(transaction, sql, parameters);
        return await command.ExecuteNonQueryAsync();
    }

    public static Task<int> RunAsync(this DbTransaction transaction, Statement statement) =>
        transaction.RunAsync(statement.Sql, statement.Parameters);

    public static Task<List<T>> ReadAsync<T>(this DbTransaction transaction, Func<DbDataReader, T> row, Statement statement) =>
        transaction.ReadAsync(row, statement.Sql, statement.Parameters);

    public static Task<List<T>> ReadAsync<T>(
        this DbTransaction transaction, Func<DbDataReader, T> row, string sql, params (string Name, object? Value)[] parameters) =>
        ReadAsync(transaction.Connection!, transaction, row, sql, parameters);

    public static async Task<List<T>> ReadAsync<T>(
        this Database database, Func<DbDataReader, T> row, string sql, params (string Name, object? Value)[] parameters)
    {
        await using var connection = await database.OpenAsync();
        return await connection.ReadAsync(row, sql, parameters);
    }

    public static Task<List<T>> ReadAsync<T>(
        this DbConnection connection, Func<DbDataReader, T> row, string sql, params (string Name, object? Value)[] parameters) =>
        ReadAsync(connection, null, row, sql, parameters);

    static async Task<List<T>> ReadAsync<T>(
        DbConnection connection, DbTransaction? transaction, Func<DbDataReader, T> row, string sql, (string Name, object? Value)[] parameters)
    {
        await using var command = connection.Command(transaction, sql, parameters);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<T>();
        while (await reader.ReadAsync())
            rows.Add(row(reader));
        return rows;
    }

    public static Guid? GuidOrNull(this DbDataReader reader, int i) => reader.IsDBNull(i) ? null : reader.GetGuid(i);

    public static string? StringOrNull(this DbDataReader reader, int i) => reader.IsDBNull(i) ? null : reader.GetString(i);

    public static string? StringOrNull(this DbDataReader reader, string column) => reader.StringOrNull(reader.GetOrdinal(column));

    public static long? LongOrNull(this DbDataReader reader, int i) => reader.IsDBNull(i) ? null : reader.GetInt64(i);

    public static long? LongOrNull(this DbDataReader reader, string column) => reader.LongOrNull(reader.GetOrdinal(column));

    public static int? IntOrNull(this DbDataReader reader, int i) => reader.IsDBNull(i) ? null : reader.GetInt32(i);

    public static int? IntOrNull(this DbDataReader reader, string column) => reader.IntOrNull(reader.GetOrdinal(column));

    public static double? DoubleOrNull(this DbDataReader reader, int i) => reader.IsDBNull(i) ? null : reader.GetDouble(i);

    public static byte[]? BytesOrNull(this DbDataReader reader, int i) => reader.IsDBNull(i) ? null : reader.GetFieldValue<byte[]>(i);

    public static DateTimeOffset? TimeOrNull(this DbDataReader reader, int i) => reader.IsDBNull(i) ? null : reader.Time(i);

    public static DateTimeOffset? TimeOrNull(this DbDataReader reader, string column) => reader.TimeOrNull(reader.GetOrdinal(column));

    public static DateTimeOffset Time(this DbDataReader reader, int i) => DateTimeOffset.FromUnixTimeMilliseconds(reader.GetInt64(i));

    public static DateTimeOffset Time(this DbDataReader reader, string column) => reader.Time(reader.GetOrdinal(column));

    public static long Ms(this DateTimeOffset time) => time.ToUnixTimeMilliseconds();
}
