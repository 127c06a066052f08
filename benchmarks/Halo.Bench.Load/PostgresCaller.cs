using Npgsql;

namespace Halo.Bench.Load;

/// <summary>One open connection to PostgreSQL with a prepared statement; every value of the answer is read.</summary>
sealed class PostgresCaller(string connectionString) : ICaller
{
    NpgsqlConnection? _connection;
    NpgsqlCommand? _command;

    /// <summary>What is asked from now on.</summary>
    public string Sql { get; set; } = "";

    public void Call()
    {
        try
        {
            if (_command?.CommandText != Sql)
                Prepare();
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

    void Prepare()
    {
        _command?.Dispose();
        if (_connection is null)
        {
            _connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
            _connection.Open();
        }
        _command = new NpgsqlCommand(Sql, _connection);
        _command.Prepare();
    }
}
