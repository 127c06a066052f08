using System.Buffers;
using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Halo.Api.Storage.Sqlite;

/// <summary>One prepared statement. Values are written as Microsoft.Data.Sqlite writes them: ids as upper-case text, booleans as 0 and 1.</summary>
sealed class SqliteStatement : IDisposable
{
    const int OnStack = 512;
    readonly sqlite3 _database;
    readonly sqlite3_stmt _statement;

    // Which name stood where the last time: the same text brings the same names in the same order.
    readonly (string? Name, int Place)[] _places;

    public SqliteStatement(sqlite3 database, string sql)
    {
        _database = database;
        Check(raw.sqlite3_prepare_v2(database, sql, out _statement, out var rest));
        if (!string.IsNullOrWhiteSpace(rest))
            throw new InvalidOperationException("One statement at a time: what follows the first would not be run.");
        _places = new (string?, int)[raw.sqlite3_bind_parameter_count(_statement)];
    }

    /// <returns>Rows affected.</returns>
    public int Run(ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        // What is not given now would be written as it was the last time.
        if (parameters.Length != _places.Length)
            throw new InvalidOperationException($"The statement has {_places.Length} parameters, not {parameters.Length}.");
        try
        {
            for (var i = 0; i < parameters.Length; i++)
                Check(Bind(PlaceOf(i, parameters[i].Name), parameters[i].Value));
            int result;
            while ((result = raw.sqlite3_step(_statement)) == raw.SQLITE_ROW)
            {
                // Of RETURNING; nobody asks for it here.
            }
            if (result != raw.SQLITE_DONE)
                Check(result);
            return raw.sqlite3_changes(_database);
        }
        finally
        {
            // It repeats the step's error, which is told by then.
            _ = raw.sqlite3_reset(_statement);
        }
    }

    public void Dispose() => _statement.Dispose();

    int PlaceOf(int index, string name)
    {
        ref var known = ref _places[index];
        if (known.Name != name)
            known = (name, raw.sqlite3_bind_parameter_index(_statement, "@" + name));
        return known.Place;
    }

    int Bind(int place, object? value) => value switch
    {
        null => raw.sqlite3_bind_null(_statement, place),
        string text => BindText(place, text),
        long number => raw.sqlite3_bind_int64(_statement, place, number),
        int number => raw.sqlite3_bind_int64(_statement, place, number),
        double number => raw.sqlite3_bind_double(_statement, place, number),
        bool yes => raw.sqlite3_bind_int64(_statement, place, yes ? 1 : 0),
        Guid id => BindId(place, id),
        byte[] bytes => raw.sqlite3_bind_blob(_statement, place, bytes),
        _ => throw new NotSupportedException($"No value of type {value.GetType()} is stored."),
    };

    int BindId(int place, Guid id)
    {
        Span<byte> text = stackalloc byte[36];
        id.TryFormat(text, out _);
        Ascii.ToUpperInPlace(text, out _);
        return raw.sqlite3_bind_text(_statement, place, text);
    }

    int BindText(int place, string text)
    {
        var most = Encoding.UTF8.GetMaxByteCount(text.Length);
        if (most <= OnStack)
        {
            Span<byte> small = stackalloc byte[OnStack];
            return raw.sqlite3_bind_text(_statement, place, small[..Encoding.UTF8.GetBytes(text, small)]);
        }
        var large = ArrayPool<byte>.Shared.Rent(most);
        try
        {
            return raw.sqlite3_bind_text(_statement, place, large.AsSpan(0, Encoding.UTF8.GetBytes(text, large)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(large);
        }
    }

    void Check(int result) => SqliteException.ThrowExceptionForRC(result, _database);
}
