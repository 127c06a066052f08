using System.Data.Common;
using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Link.Rows;

namespace Halo.Link.Engines.Running;

/// <summary>Turns the rows of a reader into JSON objects, straight into the sink's buffer. Nothing is allocated per row.</summary>
sealed class RowEncoder
{
    static readonly JsonWriterOptions Options = new() { Encoder = RowJson.Encoder, SkipValidation = true };

    readonly DbDataReader _reader;
    readonly bool _blocks;
    readonly JsonEncodedText[] _names;
    readonly ValueWriter[] _writers;

    /// <param name="blocks">Whether rows are read synchronously.</param>
    /// <param name="maxColumns">1 for a scalar.</param>
    public RowEncoder(IDatabaseEngine engine, DbDataReader reader, bool blocks, int maxColumns = int.MaxValue)
    {
        _reader = reader;
        _blocks = blocks;
        var count = Math.Min(reader.FieldCount, maxColumns);
        var given = new string[count];
        for (var i = 0; i < count; i++)
            given[i] = reader.GetName(i);
        var names = ColumnNames.MakeUnique(given);
        var columns = new ResultColumn[count];
        _names = new JsonEncodedText[count];
        _writers = new ValueWriter[count];
        for (var i = 0; i < count; i++)
        {
            columns[i] = engine.DescribeColumn(reader, i, names[i]);
            _names[i] = JsonEncodedText.Encode(names[i], RowJson.Encoder);
            _writers[i] = engine.WriterFor(reader, i);
        }
        Columns = columns;
    }

    /// <summary>The columns as the contract shows them, known before the first row.</summary>
    public IReadOnlyList<ResultColumn> Columns { get; }

    /// <summary>Rows that the sink has.</summary>
    public long Rows { get; private set; }

    /// <summary>What the sink (or a value's writer) threw, if it did; no row is encoded after that.</summary>
    public Exception? SinkFault { get; private set; }

    /// <summary>Whether every row that was read also went to the sink, or the sink wanted no more.</summary>
    public bool Whole { get; private set; } = true;

    /// <summary>Reads to the end. Once the sink wants no more, throws, or <paramref name="stop"/> is cancelled, rows are read without being encoded.</summary>
    /// <param name="readCurrent">The reader stands on the first row already.</param>
    /// <param name="maxRows">1 for a scalar: the rest is left to the reader's closing.</param>
    /// <param name="stopping">Called when the sink has thrown or <paramref name="stop"/> is cancelled, and awaited before a further row is read: what a
    /// database then says of the statement does not depend on who was faster.</param>
    /// <param name="stop">Ends encoding and waiting for the sink, not reading: the database has the last word.</param>
    /// <param name="giveUp">Ends reading.</param>
    public async ValueTask EncodeAsync(IRowSink sink, bool readCurrent, long maxRows, Func<ValueTask> stopping, CancellationToken stop, CancellationToken giveUp)
    {
        await using var json = new Utf8JsonWriter(sink.Buffer, Options);
        var encoding = true;
        var wanted = true;
        while (Rows < maxRows && (readCurrent || (_blocks ? _reader.Read() : await _reader.ReadAsync(giveUp))))
        {
            readCurrent = false;
            if (!encoding)
            {
                Whole &= !wanted;
                continue;
            }
            try
            {
                stop.ThrowIfCancellationRequested();
                WriteRow(sink, json);
                // The driver may have hung in the middle of the row, and been left behind.
                stop.ThrowIfCancellationRequested();
                var more = sink.EndRowAsync(stop);
                encoding = wanted = more.IsCompletedSuccessfully ? more.Result : await WaitAsync(more);
                Rows++;
            }
            catch (Exception e) when (e is not DbException)
            {
                encoding = Whole = false;
                if (e is not OperationCanceledException || !stop.IsCancellationRequested)
                    SinkFault = e;
                await stopping();
            }
        }
    }

    /// <summary>A driver that blocks must not go on with the thread that woke it: the line's, a timer's, or the one that asks for the end.</summary>
    async ValueTask<bool> WaitAsync(ValueTask<bool> sink)
    {
        try
        {
            return await sink;
        }
        finally
        {
            if (_blocks)
                await Task.Yield();
        }
    }

    void WriteRow(IRowSink sink, Utf8JsonWriter json)
    {
        sink.BeginRow();
        json.Reset(sink.Buffer);
        json.WriteStartObject();
        for (var i = 0; i < _writers.Length; i++)
        {
            json.WritePropertyName(_names[i]);
            _writers[i](_reader, i, json);
        }
        json.WriteEndObject();
        json.Flush();
    }
}
