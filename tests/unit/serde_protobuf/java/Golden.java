// Prints the bytes that protobuf-java writes of the messages in protobuf_serde_test.cpp. Run by hand, with protobuf-java's jar:
//   protoc --include_imports --descriptor_set_out=/tmp/order.set order.proto
//   java -cp protobuf-java.jar java/Golden.java /tmp/order.set
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.TextFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;

public class Golden {
  public static void main(String[] args) throws Exception {
    Map<String, FileDescriptor> files = new HashMap<>();
    for (FileDescriptorProto file : FileDescriptorSet.parseFrom(Files.readAllBytes(Path.of(args[0]))).getFileList()) {
      FileDescriptor[] imports = file.getDependencyList().stream().map(files::get).toArray(FileDescriptor[]::new);
      files.put(file.getName(), FileDescriptor.buildFrom(file, imports));
    }
    Descriptor order = files.get("order.proto").findMessageTypeByName("Order");
    print(order, "");
    print(order, "id: 'o-1' lines { article: 'wheel' pieces: 2 } lines { article: 'mill' pieces: -1 } "
        + "total { currency: 'EUR' minor: -12500 } state: PAID counts { key: 'a' value: 1 } counts { key: 'b' value: -1 } "
        + "rate: 0 customer { name: 'Ada' } at { seconds: 1700000000 nanos: 5 } deltas: [1, -1, 300]");
    print(order, "box: 7 id: 'h\\303\\251'");
  }
  private static void print(Descriptor type, String text) throws Exception {
    DynamicMessage.Builder message = DynamicMessage.newBuilder(type);
    TextFormat.merge(text, message);
    System.out.println(HexFormat.of().formatHex(message.build().toByteArray()));
  }
}
