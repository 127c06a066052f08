using Npgsql;

namespace Halo.Bench.Load;

/// <summary>One open connection to PostgreSQL with a prepared statement; every value of the answer is read.</summary>
sealed class PostgresCaller(string connectionString, string sql) : ICaller
{
    NpgsqlConnection? _connection;
    NpgsqlCommand? _command;

    public void Call()
    {
        try
        {
            if (_command is null)
                Open();
            using var reader = _command!.ExecuteReader();
            while (reader.Read())
                for (var i = 0; i < reader.FieldCount; i++)
                    reader.GetValue(i);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _command?.Dispose();
        _connection?.Dispose();
        (_command, _connection) = (null, null);
    }

    void Open()
    {
        _connection = new NpgsqlConnection(connectionString);
        _connection.Open();
        _command = new NpgsqlCommand(sql, _connection);
        _command.Prepare();
    }
}
