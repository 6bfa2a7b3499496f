# 컨벌루션 연산: conv2d_simple(input_image, filter, filter_size)
#
#     pyconvnet run examples/lecture/convolution.py
#
# The cells as they are printed. Where one cannot run as printed, a line that starts with "# ERRATUM:" says what was
# changed; "# NOT PRINTED:" marks what the text leaves to the reader.

# %% [markdown]
# ## 예제 0
#
# MNIST 3번째 데이터인 x_train[2] 데이터에 대해서, 다음과 같은 3 x 3 필터에 대해 컨벌루션 연산을 하는
# conv2d_simple(input_image, filter, filter_size) 구현하고 컨벌루션 결과를 이미지로 출력하시오

# %%
# NOT PRINTED: the data, and the function that the exercise asks for.
import matplotlib.pyplot as plt
import numpy as np
from tensorflow.keras.datasets import mnist

(x_train, t_train), (x_test, t_test) = mnist.load_data()
x_train = x_train / 255.0

def conv2d_simple(input_image, filter, filter_size):
    rows = input_image.shape[0] - filter_size + 1
    columns = input_image.shape[1] - filter_size + 1
    output = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            output[i, j] = np.sum(input_image[i:i+filter_size, j:j+filter_size] * filter)
    return output

# %%
# NOT PRINTED: the filters as arrays; they are printed as matrices.
horizontal_filter = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -1.0, -1.0]])
vertical_filter = np.array([[1.0, 0.0, -1.0], [1.0, 0.0, -1.0], [1.0, 0.0, -1.0]])
blur_filter = np.array([[0.11, 0.11, 0.11], [0.11, 0.11, 0.11], [0.11, 0.11, 0.11]])
sharpen_filter = np.array([[0.0, -1.0, 0.0], [-1.0, 5.0, -1.0], [0.0, -1.0, 0.0]])

# %%
# ERRATUM: "horizontal filtered image" is printed without its underscores.
vertical_filtered_image = conv2d_simple(x_train[2], vertical_filter, 3)
horizontal_filtered_image = conv2d_simple(x_train[2], horizontal_filter, 3)
plt.figure(figsize=(6,4))
plt.subplot(1, 2, 1)
plt.title('vertical')
plt.imshow(vertical_filtered_image, cmap='gray')
plt.subplot(1, 2, 2)
plt.title('horizontal')
plt.imshow(horizontal_filtered_image, cmap='gray')
plt.tight_layout()
plt.show()

# %%
# NOT PRINTED: the same for the other two filters.
blur_filtered_image = conv2d_simple(x_train[2], blur_filter, 3)
sharpen_filtered_image = conv2d_simple(x_train[2], sharpen_filter, 3)
plt.figure(figsize=(6,4))
plt.subplot(1, 2, 1)
plt.title('blur')
plt.imshow(blur_filtered_image, cmap='gray')
plt.subplot(1, 2, 2)
plt.title('sharpen')
plt.imshow(sharpen_filtered_image, cmap='gray')
plt.tight_layout()
plt.show()
